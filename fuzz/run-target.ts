import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launch } from "../scripts/process/launch.js";
import { reportSchema, type Job, type Report } from "./job.js";
import { projectFolder } from "../scripts/project.js";
import type { Finding } from "./target.js";

export interface RunOptions extends Omit<Job, "current"> {
  /** The limit of the process's JavaScript heap. */
  heapMiB?: number;
  /** A process that does not report for this time is killed, because its input takes too long. */
  silenceMs?: number;
}

export interface Run {
  /** The process's last report. */
  report: Report;
  finding: Finding | undefined;
}

/** The most time for loading and preparing a target. */
const startMs = 120_000;
const program = join(projectFolder, "build/fuzz/child.js");
const quotedErrors = 1000;

/** Fuzzes a target in a process of its own, so that a crash or an endless loop is a finding as well. */
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
  let report: Report = { inputs: 0, outcomes: 0, longestMs: 0, done: false };
  let errors = "";
  let silence: NodeJS.Timeout | undefined;
  const silent = new AbortController();
  const child = launch({
    command: [
      process.execPath,
      ...[`--max-old-space-size=${heapMiB}`, program, JSON.stringify(job)],
    ],
    onLine: (line) => {
      report = reportSchema.parse(JSON.parse(line));
      restartTimer(silenceMs);
    },
    onErrorLine: (line) => {
      errors = `${errors} ${line}`.slice(0, quotedErrors);
    },
  });
  const restartTimer = (ms: number): void => {
    clearTimeout(silence);
    silence = setTimeout(() => {
      silent.abort();
      child.kill("SIGKILL");
    }, ms);
  };
  restartTimer(startMs);
  const { code, signal } = await child.closed.finally(() => {
    clearTimeout(silence);
  });
  const reason = silent.signal.aborted
    ? `did not end within ${silenceMs} ms`
    : `ended the process (${signal ?? String(code)}): ${errors.replace(/\s+/gu, " ").trim()}`;
  return { report, reason };
}
