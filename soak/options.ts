import { parseArgs } from "node:util";
import { chosen, positive } from "../bench/options.js";

export const partNames = ["load", "extremes", "connections"] as const;
export type PartName = (typeof partNames)[number];

const modelNames = ["demo", "int8"] as const;

export interface Options {
  parts: readonly PartName[];
  /** The number of requests of the load. */
  requests: number;
  clients: number;
  /** The same seed gives the same requests in the same order. */
  seed: string;
  /** The memory group's limit for the extremes; undefined: config.json's MemorySize. */
  memoryBytes: number | undefined;
  /** The model for the extremes: the demo's, or AlexNet in full size with 8-bit weights, for which MemorySize is chosen. */
  model: (typeof modelNames)[number];
  connections: number;
  /** A file for samples and outcomes, as JSON. */
  out: string | undefined;
}

export const help = `make soak SOAK='[option …]': does the server leak, and does it hold under what is worst?

  --only LIST        some of ${partNames.join(",")}
  --requests N       of the load (20000, or SOAK_REQUESTS)
  --clients N        at one time (12)
  --seed TEXT        of the requests' order
  --memory SIZE      of the extremes' memory group (config.json's MemorySize): 2112m
  --model NAME       of the extremes: demo, or int8 (AlexNet in full size, of random weights)
  --connections N    silent and slow ones at one time (10000)
  --out FILE         samples and outcomes, as JSON
`;

/** @throws Error for an unknown option or a wrong value */
export function readOptions(
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Options | "help" {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...words],
    options: {
      help: { type: "boolean", default: false },
      ...{ only: text, requests: text, clients: text, seed: text, out: text },
      ...{ memory: text, model: text, connections: text },
    },
  });
  if (values.help) return "help";
  const asked = values.requests ?? environment["SOAK_REQUESTS"];
  return {
    parts: chosen("--only", values.only, partNames),
    requests: positive("--requests", asked === "" ? undefined : asked, 20_000),
    clients: positive("--clients", values.clients, 12),
    seed: values.seed ?? "soak",
    memoryBytes: values.memory === undefined ? undefined : readSize(values.memory),
    model: readModel(values.model),
    connections: positive("--connections", values.connections, 10_000),
    out: values.out,
  };
}

/** Reads a size in Mystikos' notation: a number with `k`, `m` or `g`. @returns bytes */
export function readSize(size: string): number {
  const { count, unit = "" } = /^(?<count>\d+)(?<unit>[kmg]?)$/u.exec(size)?.groups ?? {};
  const powers: Record<string, number> = { "": 0, k: 1, m: 2, g: 3 };
  if (count === undefined) throw new Error(`expected a size such as 2112m; got ${size}`);
  return Number(count) * 1024 ** (powers[unit] ?? 0);
}

function readModel(name = "demo"): Options["model"] {
  const model = modelNames.find((known) => known === name);
  if (model !== undefined) return model;
  throw new Error(`--model: expected ${modelNames.join(" or ")}; got ${name}`);
}
