import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, totalmem } from "node:os";
import { promisify } from "node:util";
import { z } from "zod";
import { projectFolder } from "../scripts/project.js";
import { closedLoopResult } from "./load-result.js";
import { variantNames } from "./models.js";

const variant = z.enum(variantNames);
const server = z.enum(["baseline", ...variantNames]);
export type ServerName = z.infer<typeof server>;

const machine = z.object({
  cpu: z.string(),
  cores: z.number(),
  memoryBytes: z.number(),
  system: z.string(),
  node: z.string(),
  date: z.string(),
  commit: z.string(),
});

const run = closedLoopResult.extend({
  round: z.number(),
  server,
  clients: z.number(),
  encrypted: z.boolean(),
});

const openLoop = z.object({
  server,
  /** The highest rate within the limit, in requests a second; 0 where no tried rate was. */
  highestRate: z.number(),
  steps: z.array(
    z.object({
      rate: z.number(),
      p50Ms: z.number(),
      p99Ms: z.number(),
      failures: z.number(),
      latenessP99Ms: z.number(),
    }),
  ),
});

const boot = z.object({
  variant,
  modelBytes: z.number(),
  bootMs: z.array(z.number()),
  /** Peak memory until the server was ready, and until the end of the load. */
  bootPeakBytes: z.number().optional(),
  peakBytes: z.number().optional(),
  steadyBytes: z.number().optional(),
});

const size = z.object({
  round: z.number(),
  megapixels: z.number(),
  fileBytes: z.number(),
  serverP50Ms: z.number(),
  bareP50Ms: z.number(),
  failures: z.number(),
});

const neighbour = z.object({
  round: z.number(),
  aloneP99Ms: z.number(),
  besideP99Ms: z.number(),
  failures: z.number(),
});

const scaling = z.object({
  round: z.number(),
  cpus: z.number(),
  throughput: z.number(),
  failures: z.number(),
});

/** The schema of results.json: all measurements of a run. Lists that were not measured are empty. */
export const resultsSchema = z.object({
  machine,
  settings: z.object({ repeats: z.number(), seconds: z.number(), full: z.boolean() }),
  picture: z.object({ width: z.number(), height: z.number(), bytes: z.number() }),
  /** The limit for the 99th percentile of latency in the open loop, in milliseconds. */
  openLoopLimitMs: z.number(),
  runs: z.array(run),
  bound: z.array(z.object({ round: z.number(), variant, throughput: z.number() })),
  open: z.array(openLoop),
  boots: z.array(boot),
  sizes: z.array(size),
  neighbours: z.array(neighbour),
  scaling: z.array(scaling),
  /** Measurements that were not possible, with the reason. */
  notes: z.array(z.string()),
});
export type Results = z.infer<typeof resultsSchema>;

export async function readResults(file: string): Promise<Results> {
  return resultsSchema.parse(JSON.parse(await readFile(file, "utf8")));
}

export async function describeMachine(): Promise<Results["machine"]> {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${process.platform} ${process.arch}`,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
    commit: await describeCommit(),
  };
}

async function describeCommit(): Promise<string> {
  const git = async (...words: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)("git", words, { cwd: projectFolder });
    return stdout.trim();
  };
  try {
    const changes = await git("status", "--porcelain", "--untracked-files=no");
    return `${await git("rev-parse", "--short=12", "HEAD")}${changes === "" ? "" : " and changes"}`;
  } catch {
    return "unknown";
  }
}
