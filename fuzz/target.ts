import type { MutationKind } from "./mutate.js";

/** A parser, and checks that must hold for every input. */
export interface Target {
  /** Its name for TARGET=, and of the folder of its corpus. */
  name: string;
  /** The source files under test. */
  parsers: readonly string[];
  mutation: MutationKind;
  /** Longer inputs are cut. */
  maxBytes: number;
  /** Texts with a meaning in the format; they are inserted into inputs. */
  dictionary?: readonly string[];
  /** @param scratch a folder for this process's files, which is removed at the end */
  prepare(scratch: string): Promise<Prepared>;
}

export interface Prepared {
  seeds: readonly Uint8Array[];
  /**
   * Runs the parsers and checks the result.
   *
   * @returns a short text for the outcome: an input with a new outcome is mutated further
   * @throws Error where a check fails
   */
  check(input: Uint8Array): string | Promise<string>;
}

/** An input for which a check failed. */
export interface Finding {
  input: Uint8Array;
  problem: string;
}
