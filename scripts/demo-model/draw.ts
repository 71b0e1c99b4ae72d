import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import sharp from "sharp";

import { SUBJECTS, type Subject, subjectOf } from "./classes.js";
import { drawPicture } from "./render.js";

const USAGE = `usage: node draw.js --out DIR --count N --seed S [--label L]

Draws N pictures of each class (or of class L only), with the seeds S, S+1, ... S+N-1, and
writes them to DIR/<label>/<seed>.jpg.`;
const PROGRESS_INTERVAL_PICTURES = 500;

interface Job {
  readonly subject: Subject;
  readonly seed: number;
}

function wholeNumber(name: string, text: string | undefined): number {
  if (text === undefined || !/^\d+$/.test(text)) {
    throw new Error(`--${name} needs a whole number\n\n${USAGE}`);
  }
  return Number(text);
}

/** Lets several workers take jobs from one shared queue until it is empty. */
async function drawAll(jobs: readonly Job[], out: string): Promise<void> {
  const queue = jobs.entries();
  const worker = async (): Promise<void> => {
    for (const [index, { subject, seed }] of queue) {
      await writeFile(join(out, subject.label, `${seed}.jpg`), await drawPicture(subject, seed));
      if ((index + 1) % PROGRESS_INTERVAL_PICTURES === 0) {
        console.log(`${index + 1} of ${jobs.length} pictures drawn`);
      }
    }
  };
  // One worker more than there are cores: a worker that waits for the disk idles no core.
  await Promise.all(Array.from({ length: availableParallelism() + 1 }, worker));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: "string" },
      count: { type: "string" },
      seed: { type: "string" },
      label: { type: "string" },
    },
  });
  if (values.out === undefined) {
    throw new Error(`--out is missing\n\n${USAGE}`);
  }
  const out = values.out;
  const count = wholeNumber("count", values.count);
  const firstSeed = wholeNumber("seed", values.seed);
  const subjects = values.label === undefined ? SUBJECTS : [subjectOf(values.label)];
  // The pictures are drawn side by side, so that one picture needs no threads of its own.
  sharp.concurrency(1);
  const jobs = subjects.flatMap((subject) =>
    Array.from({ length: count }, (_, index) => ({ subject, seed: firstSeed + index })),
  );
  await Promise.all(subjects.map(({ label }) => mkdir(join(out, label), { recursive: true })));
  await drawAll(jobs, out);
  console.log(`${jobs.length} pictures are in ${out}`);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
