import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pictureName, modelNamed, type Bench } from "./bench.js";
import { runJob } from "./child.js";
import { bareDecodingResult, closedLoopResult } from "./load-result.js";
import { makePicture } from "./pictures.js";
import type { RunningServer } from "./servers.js";

const allMegapixels = [0.1, 0.5, 1, 3, 12, 24, 48];
const quickMegapixels = [0.1, 3, 48];
/** The number of pictures of each size is chosen so that a run has about this many megapixels, within the limits below. */
const megapixelsPerRun = 30;
const fewest = 4;
const most = 60;

const neighbourClients = 8;
const hugeMegapixels = 48;

/** Measures the latency of pictures of several sizes, and how huge pictures slow down clients with small ones. */
export async function measureSizes(bench: Bench): Promise<void> {
  const { options, folder, pictures, results, progress } = bench;
  const server = await modelNamed(bench, "fp32").start();
  const photo = await readFile(pictures.plain);
  for (const megapixels of options.quick ? quickMegapixels : allMegapixels) {
    const file = join(folder, `${megapixels}.jpg`);
    await writeFile(file, await makePicture(photo, megapixels));
    const { size: fileBytes } = await stat(file);
    const times = Math.round(Math.min(most, Math.max(fewest, megapixelsPerRun / megapixels)));
    for (let round = 1; round <= options.repeats; round += 1) {
      const bare = await runJob("bare-decoding.js", { file, times }, bareDecodingResult);
      const job = {
        origin: server.origin,
        file,
        fileName: pictureName,
        clients: 1,
        until: { requests: times },
        warmUpSeconds: 0,
      };
      const { p50Ms, failures } = await runJob("closed-loop.js", job, closedLoopResult);
      results.sizes.push({
        ...{ round, megapixels, fileBytes, failures },
        serverP50Ms: p50Ms,
        bareP50Ms: bare.p50Ms,
      });
      progress(
        `size ${megapixels} MP, ${round}: ${p50Ms.toFixed(1)} ms; bare decoding ${bare.p50Ms.toFixed(1)} ms`,
      );
    }
    if (megapixels === hugeMegapixels) await measureNeighbours(bench, server, file);
    await rm(file);
  }
  await server.stop();
}

async function measureNeighbours(
  { options, pictures, results, progress }: Bench,
  { origin }: RunningServer,
  huge: string,
): Promise<void> {
  const small = {
    origin,
    file: pictures.plain,
    fileName: pictureName,
    clients: neighbourClients,
    until: { seconds: options.seconds },
    warmUpSeconds: options.warmUpSeconds,
  };
  // Longer than the run with small pictures and its warm-up, so that both run at the same time throughout.
  const beside = {
    ...small,
    file: huge,
    clients: 1,
    until: { seconds: options.seconds + options.warmUpSeconds + 2 },
    warmUpSeconds: 0,
  };
  for (let round = 1; round <= options.repeats; round += 1) {
    const alone = await runJob("closed-loop.js", small, closedLoopResult);
    const [together, other] = await Promise.all([
      runJob("closed-loop.js", small, closedLoopResult),
      runJob("closed-loop.js", beside, closedLoopResult.pick({ failures: true })),
    ]);
    results.neighbours.push({
      round,
      aloneP99Ms: alone.p99Ms,
      besideP99Ms: together.p99Ms,
      failures: alone.failures + together.failures + other.failures,
    });
    progress(
      `neighbours, ${round}: p99 ${alone.p99Ms.toFixed(0)} ms alone, ` +
        `${together.p99Ms.toFixed(0)} ms beside ${hugeMegapixels} MP pictures`,
    );
  }
}
