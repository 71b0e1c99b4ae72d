import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { answer, readJob } from "./job.js";
import { bareDecodingJob } from "./load-result.js";
import { percentile } from "./statistics.js";

// As in the server: libvips caches no pictures.
sharp.cache(false);
const { file, times } = readJob(bareDecodingJob);
const picture = await readFile(file);
await sharp(picture).raw().toBuffer();
const tookMs: number[] = [];
for (let time = 0; time < times; time += 1) {
  const start = performance.now();
  await sharp(picture).raw().toBuffer();
  tookMs.push(performance.now() - start);
}
answer({ p50Ms: percentile(tookMs, 0.5) });
