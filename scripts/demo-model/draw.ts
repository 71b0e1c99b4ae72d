import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { exitWith, UsageError } from "../exit.js";
import { subjects, subjectOf, type Subject } from "./classes.js";
import { drawPicture } from "./render.js";

const usage = `usage: node draw.js --out DIR --count N --seed S [--label L]

Draws N pictures of each class (or of class L only), with the seeds S, S+1, ... S+N-1, and
writes them to DIR/<label>/<seed>.jpg.`;
const progressInterval = 500;

interface Job {
  readonly subject: Subject;
  readonly seed: number;
}

function wholeNumber(name: string, text: string | undefined): number {
  if (text === undefined || !/^\d+$/u.test(text)) {
    throw new UsageError(`--${name} needs a whole number\n\n${usage}`);
  }
  return Number(text);
}

/** Lets several workers take jobs from one shared queue until it is empty. */
async function drawAll(jobs: readonly Job[], out: string): Promise<void> {
  const queue = jobs.entries();
  const worker = async (): Promise<void> => {
    for (const [index, { subject, seed }] of queue) {
      await writeFile(join(out, subject.label, `${seed}.jpg`), await drawPicture(subject, seed));
      if ((index + 1) % progressInterval === 0) {
        console.log(`${index + 1} of ${jobs.length} pictures drawn`);
      }
    }
  };
  // One worker more than there are cores: a worker that waits for the disk idles no core.
  await Promise.all(Array.from({ length: availableParallelism() + 1 }, worker));
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      out: { type: "string" },
      count: { type: "string" },
      seed: { type: "string" },
      label: { type: "string" },
    },
  });
  if (values.out === undefined) throw new UsageError(`--out is missing\n\n${usage}`);
  const out = values.out;
  const count = wholeNumber("count", values.count);
  const firstSeed = wholeNumber("seed", values.seed);
  const chosen = values.label === undefined ? subjects : [subjectOf(values.label)];
  // The pictures are drawn side by side, so that one picture needs no threads of its own.
  sharp.concurrency(1);
  const jobs = chosen.flatMap((subject) =>
    Array.from({ length: count }, (_, index) => ({ subject, seed: firstSeed + index })),
  );
  await Promise.all(chosen.map(({ label }) => mkdir(join(out, label), { recursive: true })));
  await drawAll(jobs, out);
  console.log(`${jobs.length} pictures are in ${out}`);
  return 0;
}

await exitWith(main);
