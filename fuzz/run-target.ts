import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { reportSchema, type Job, type Report } from "./job.js";
import { projectFolder } from "./project.js";
import type { Finding } from "./target.js";

export interface RunOptions extends Omit<Job, "current"> {
  /** Of the process's JavaScript heap. */
  heapMiB?: number;
  /** A process that reports nothing for so long is ended: its input takes too long. */
  silenceMs?: number;
}

export interface Run {
  /** The last one. */
  report: Report;
  finding: Finding | undefined;
}

/** To load and prepare a target. */
const startMs = 120_000;
const program = join(projectFolder, "build/fuzz/child.js");
const quotedErrors = 1000;

/** Fuzzes a target in a process of its own, so that one that ends it, or never ends, is a finding as well. */
export async function runTarget({
  heapMiB = 512,
  silenceMs = 30_000,
  ...job
}: RunOptions): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), "confml-fuzz-"));
  const current = join(folder, "current");
  try {
    const end = await runChild({ ...job, current }, heapMiB, silenceMs);
    const problem = end.report.done ? end.report.problem : end.reason;
    if (problem === undefined) return { report: end.report, finding: undefined };
    const input = await readFile(current).catch(() => {
      throw new Error(`${job.target} did not begin: ${problem}`);
    });
    return { report: end.report, finding: { input, problem } };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runChild(
  job: Job,
  heapMiB: number,
  silenceMs: number,
): Promise<{ report: Report; reason: string }> {
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${heapMiB}`, program, JSON.stringify(job)],
    { env: {}, stdio: ["ignore", "pipe", "pipe"] },
  );
  let report: Report = { inputs: 0, outcomes: 0, longestMs: 0, done: false };
  let errors = "";
  const state = { isSilent: false };
  const end = (): void => {
    state.isSilent = true;
    child.kill("SIGKILL");
  };
  let silence = setTimeout(end, startMs);
  createInterface({ input: child.stdout }).on("line", (line) => {
    report = reportSchema.parse(JSON.parse(line));
    clearTimeout(silence);
    silence = setTimeout(end, silenceMs);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(0, quotedErrors);
  });
  const exit = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      resolve(String(signal ?? code));
    });
  }).finally(() => {
    clearTimeout(silence);
  });
  const reason = state.isSilent
    ? `did not end within ${silenceMs} ms`
    : `ended the process (${exit}): ${errors.replace(/\s+/gu, " ").trim()}`;
  return { report, reason };
}
