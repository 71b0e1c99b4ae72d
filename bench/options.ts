import { join } from "node:path";
import { parseArgs } from "node:util";
import { projectFolder } from "../scripts/project.js";
import { variantNames, type VariantName } from "./models.js";

export const sectionNames = ["load", "bound", "boot", "sizes", "cores"] as const;
export type SectionName = (typeof sectionNames)[number];

export interface Options {
  sections: readonly SectionName[];
  /** Measure nothing, and write the documented table from existing results. */
  tableOnly: boolean;
  variants: readonly VariantName[];
  repeats: number;
  /** The duration of each measurement under load. */
  seconds: number;
  warmUpSeconds: number;
  quick: boolean;
  out: string;
  /** Whether all sections and variants are measured in full: such results are committed. */
  full: boolean;
}

export const resultsFolder = join(projectFolder, "bench/results");

export const help = `make bench BENCH='[option …]': what confml costs on this machine, beside a plain server

  --quick           one round of short runs: does it all work?
  --only LIST       some of ${sectionNames.join(",")}; or: table (docs/performance.md's, from the results)
  --variants LIST   some of ${variantNames.join(",")} (fp32 is always there)
  --repeats N       rounds (3)
  --seconds N       of each figure under load (5)
  --out DIR         where results go: bench/results for a whole run, build/bench-results for any other
`;

/** @throws Error for an unknown option or a wrong value */
export function readOptions(words: readonly string[]): Options | "help" {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const { values } = parseArgs({
    args: [...words],
    options: {
      quick: flag,
      help: flag,
      only: text,
      variants: text,
      repeats: text,
      seconds: text,
      out: text,
    },
  });
  if (values.help) return "help";
  const { quick } = values;
  const tableOnly = values.only === "table";
  const sections = tableOnly ? [] : chosen("--only", values.only, sectionNames);
  const variants = chosen("--variants", values.variants, variantNames, ["fp32"]);
  const full =
    !quick && sections.length === sectionNames.length && variants.length === variantNames.length;
  return {
    sections,
    tableOnly,
    variants,
    repeats: positive("--repeats", values.repeats, quick ? 1 : 3),
    seconds: positive("--seconds", values.seconds, quick ? 2 : 5),
    warmUpSeconds: quick ? 0.5 : 1,
    quick,
    out:
      values.out ??
      (full || tableOnly ? resultsFolder : join(projectFolder, "build/bench-results")),
    full,
  };
}

/**
 * The names of a comma-separated option; all of them without it.
 *
 * @param always names that are added
 * @throws Error for an unknown name
 */
export function chosen<Name extends string>(
  option: string,
  list: string | undefined,
  all: readonly Name[],
  always: readonly Name[] = [],
): Name[] {
  if (list === undefined) return [...all];
  const names = list.split(",");
  const unknown = names.find((name) => !all.some((known) => known === name));
  if (unknown !== undefined) {
    throw new Error(`${option}: expected some of ${all.join(",")}; got ${JSON.stringify(unknown)}`);
  }
  return all.filter((name) => names.includes(name) || always.includes(name));
}

/** @throws Error for anything but a whole number above 0 */
export function positive(option: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`${option}: expected a whole number above 0; got ${JSON.stringify(text)}`);
}
