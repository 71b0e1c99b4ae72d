import { setTimeout as delay } from "node:timers/promises";
import { Random } from "../scripts/random.js";
import { makeBadFiles } from "./bad-files.js";
import { badRequests } from "./bad-requests.js";
import { createClient, type Client } from "./exchange.js";
import { makeGoodPictures } from "./good-pictures.js";
import { goodRequests, learnAnswers } from "./good-requests.js";
import { pickKind, type Kind } from "./mix.js";
import { Tally } from "./tally.js";
import { startSoakServer, type SoakServer } from "./server.js";
import type { Live, Sample } from "./watched-process.js";

export interface LoadOptions {
  requests: number;
  clients: number;
  seed: string;
  progress: (line: string) => void;
}

/** A measurement, and the number of requests before it. */
export type Measured = Sample & { requests: number };
export type MeasuredLive = Live & { requests: number };

export interface LoadResult {
  requests: number;
  tookMs: number;
  tally: Tally;
  /** Under load, without collecting garbage first. */
  samples: Measured[];
  /** After garbage collections. */
  lives: MeasuredLive[];
  /** After the load: at once, after garbage collection, after returning free memory, and at the end. */
  idle: { before: Sample; collected: Live; trimmed: Live; after: Sample };
}

/** Samples in each run; memory in use after garbage collection is measured half as often. */
const sampleCount = 80;
const idleMs = 5000;

/** Sends a mix of requests and measures the server at the same time. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { progress } = options;
  progress("load: making pictures");
  const pictures = await makeGoodPictures();
  const badFiles = await makeBadFiles(pictures);
  const server = await startSoakServer();
  try {
    const client = createClient(server.port, options.clients);
    const known = await learnAnswers(client, pictures);
    client.agent.destroy();
    const kinds = [
      ...(await goodRequests(known, server.keys)),
      ...(await badRequests(pictures, badFiles, server.keys, server.metricsPort)),
    ];
    progress(
      `load: ${pictures.length} pictures, ${badFiles.length} bad files, ${kinds.length} kinds`,
    );
    return await send(server, kinds, options);
  } finally {
    await server.stop();
  }
}

async function send(
  server: SoakServer,
  kinds: readonly Kind[],
  { requests, clients, seed, progress }: LoadOptions,
): Promise<LoadResult> {
  const { watched, service } = server;
  const random = new Random(seed);
  const tally = new Tally();
  const samples: Measured[] = [];
  const lives: MeasuredLive[] = [];
  const every = Math.max(1, Math.floor(requests / sampleCount));
  const ending = new AbortController();
  const ended = ending.signal;
  void service.exited.then(() => {
    ending.abort();
  });
  let begun = 0;
  let done = 0;
  const start = performance.now();
  const measure = async (count: number): Promise<void> => {
    samples.push({ requests: count, ...(await watched.sample()) });
    if (samples.length % 2 === 0) lives.push({ requests: count, ...(await watched.collect()) });
    if (samples.length % 8 === 0) progress(`load: ${count} requests, ${describe(samples, lives)}`);
  };
  const run = async (client: Client): Promise<void> => {
    while (begun < requests && !ended.aborted) {
      begun += 1;
      const kind = pickKind(kinds, random);
      tally.add(kind.name, await kind.run(client, random));
      done += 1;
      if (done % every === 0) await measure(done);
    }
    client.agent.destroy();
  };
  const all = Array.from({ length: clients }, (_, number) => createClient(server.port, number));
  await Promise.all(all.map(run));
  const tookMs = performance.now() - start;
  if (ended.aborted) throw new Error(`the server ended under load: ${server.errors.join(" ")}`);
  const before = await watched.sample();
  await delay(idleMs);
  const collected = await watched.collect();
  const trimmed = await watched.collect(true);
  const idle = { before, collected, trimmed, after: await watched.sample() };
  return { requests: done, tookMs, tally, samples, lives, idle };
}

function describe(samples: readonly Measured[], lives: readonly MeasuredLive[]): string {
  const [sample, live] = [samples.at(-1), lives.at(-1)];
  const mb = (bytes = 0): string => `${(bytes / 1e6).toFixed(1)} MB`;
  return (
    `RSS ${mb(sample?.rssBytes)}, live: heap ${mb(live?.heapUsed)}, buffers ${mb(live?.external)}, ` +
    `malloc ${mb(live?.mallocUsed)} and ${mb(live?.mallocFree)} free; ` +
    `${sample?.descriptors ?? 0} descriptors, ${sample?.threads ?? 0} threads`
  );
}
