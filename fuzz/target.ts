import type { MutationKind } from "./mutate.js";

/** A parser, and what must hold of it for every input. */
export interface Target {
  /** What TARGET= and the folder of its corpus are called. */
  name: string;
  /** Files of src that are run. */
  parsers: readonly string[];
  mutation: MutationKind;
  /** Longer inputs are cut. */
  maxBytes: number;
  /** Texts that the format knows; they are put into inputs. */
  dictionary?: readonly string[];
  /** @param scratch a folder of this process's own, removed afterwards */
  prepare(scratch: string): Promise<Prepared>;
}

export interface Prepared {
  seeds: readonly Uint8Array[];
  /**
   * Runs the parsers.
   *
   * @returns what came out, in short: an input whose outcome is new is mutated further
   * @throws Error for an invariant that does not hold
   */
  check(input: Uint8Array): string | Promise<string>;
}

/** An input of which something does not hold that has to. */
export interface Finding {
  input: Uint8Array;
  problem: string;
}
