import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readCorpus } from "./corpus.js";
import { jobSchema, type Job, type Report } from "./job.js";
import { Session, defaultLimits } from "./session.js";
import type { Finding, Prepared } from "./target.js";
import { findTarget } from "./targets.js";

const reportEveryMs = 1000;

/** Does a job in this process. An input may crash it. */
async function main(job: Job): Promise<void> {
  const target = await findTarget(job.target);
  const scratch = mkdtempSync(join(tmpdir(), "confml-fuzz-"));
  const current = openSync(job.current, "w");
  try {
    const isAlone = job.input !== undefined;
    const whole = await target.prepare(scratch);
    const prepared: Prepared = isAlone ? { ...whole, seeds: [] } : whole;
    const session = new Session({
      target,
      prepared,
      corpus: isAlone ? [] : await readCorpus(target.name, job.corpus),
      seed: job.seed,
      limits: defaultLimits,
      onInput: (input) => {
        writeSync(current, input, 0, input.length, 0);
        ftruncateSync(current, input.length);
      },
    });
    report(session, { done: false });
    const finding =
      job.input === undefined
        ? await fuzz(session, job.seconds)
        : await session.trialRun(readFileSync(job.input));
    report(session, { problem: finding?.problem, done: true });
  } finally {
    closeSync(current);
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function fuzz(session: Session, seconds: number): Promise<Finding | undefined> {
  const end = performance.now() + seconds * 1000;
  let nextReport = performance.now();
  for (let now = nextReport; now < end; now = performance.now()) {
    const finding = await session.step();
    if (finding !== undefined) return finding;
    if (now < nextReport) continue;
    nextReport = now + reportEveryMs;
    report(session, { done: false });
  }
  return undefined;
}

function report(session: Session, end: { problem?: string | undefined; done: boolean }): void {
  const { inputs, outcomes, longestMs } = session;
  const line: Report = { inputs, outcomes, longestMs, problem: end.problem, done: end.done };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

await main(jobSchema.parse(JSON.parse(process.argv[2] ?? "")));
