import { pictureName, modelNamed, type Bench } from "./bench.js";
import { runJob } from "./child.js";
import { boundResult, closedLoopResult, openLoopResult } from "./load-result.js";
import { inPlace, variantNames } from "./models.js";
import type { ServerName } from "./results.js";
import { startBaseline, type RunningServer } from "./servers.js";
import { highestRate, median } from "./statistics.js";

interface Point {
  clients: number;
  encrypted: boolean;
  servers: readonly ServerName[];
}

/** The number of clients at which variants are compared and the server's own metrics are read. */
const watched = 32;
const all = ["baseline", ...variantNames] as const;
const ours = ["fp32", "int8"] as const;
const compared = ["baseline", ...ours] as const;

/** The order keeps measurements that are divided by each other close together. */
const points: readonly Point[] = [
  { clients: 1, encrypted: false, servers: compared },
  { clients: 1, encrypted: true, servers: ours },
  { clients: 8, encrypted: false, servers: compared },
  { clients: 8, encrypted: true, servers: compared },
  { clients: watched, encrypted: false, servers: all },
  { clients: watched, encrypted: true, servers: ours },
  { clients: 128, encrypted: false, servers: ours },
];

const openLoopShares = { low: 0.3, high: 1.1 };
export const openLoopLimitMs = 250;

/** Measures all servers under load, one after the other in each round; then the open loop. */
export async function measureLoad(bench: Bench): Promise<void> {
  const { options, progress } = bench;
  const withLoad = options.sections.includes("load");
  const servers = withLoad ? await startServers(bench) : new Map<ServerName, RunningServer>();
  for (let round = 1; round <= options.repeats; round += 1) {
    for (const point of points) {
      for (const name of point.servers) {
        const server = servers.get(name);
        if (server !== undefined) await measurePoint(bench, round, name, server, point);
      }
      const atBound = point.clients === watched && !point.encrypted;
      if (atBound && options.sections.includes("bound")) await measureBound(bench, round);
    }
  }
  for (const name of compared) {
    const server = servers.get(name);
    if (server !== undefined) await measureOpenLoop(bench, name, server);
  }
  for (const server of servers.values()) await server.stop();
  progress("load: done");
}

async function startServers(bench: Bench): Promise<Map<ServerName, RunningServer>> {
  const servers = new Map<ServerName, RunningServer>();
  bench.progress("starting the servers");
  servers.set("baseline", await startBaseline(modelNamed(bench, "fp32"), bench.keyFile));
  for (const model of bench.models) servers.set(model.name, await model.start());
  return servers;
}

async function measurePoint(
  { options, pictures, results, progress }: Bench,
  round: number,
  name: ServerName,
  { origin, metricsUrl }: RunningServer,
  { clients, encrypted }: Point,
): Promise<void> {
  const isOurs = name !== "baseline";
  const job = {
    origin,
    file: encrypted ? pictures.encrypted : pictures.plain,
    fileName: encrypted ? `${pictureName}.encrypted` : pictureName,
    clients,
    until: { seconds: options.seconds },
    warmUpSeconds: options.warmUpSeconds,
    ...(isOurs && clients === watched ? { probe: true, metricsUrl } : {}),
  };
  const run = await runJob("closed-loop.js", job, closedLoopResult);
  results.runs.push({ round, server: name, clients, encrypted, ...run });
  const what = `${name}, ${clients} client${clients === 1 ? "" : "s"}${encrypted ? ", encrypted" : ""}`;
  const failed = run.failures > 0 ? `, ${run.failures} FAILED` : "";
  progress(
    `round ${round}: ${what}: ${run.throughput.toFixed(1)}/s, ` +
      `p50 ${run.p50Ms.toFixed(1)} ms, p99 ${run.p99Ms.toFixed(1)} ms${failed}`,
  );
}

async function measureBound(
  { options, models, pictures, results, progress }: Bench,
  round: number,
): Promise<void> {
  for (const { name, model, manifest, format, weights } of models) {
    if (inPlace.has(name)) continue;
    const { throughput } = await runJob(
      "bound.js",
      {
        ...{ model, manifest, format, weights },
        file: pictures.plain,
        inFlight: watched,
        seconds: options.seconds,
        warmUpSeconds: options.warmUpSeconds,
      },
      boundResult,
    );
    results.bound.push({ round, variant: name, throughput });
    progress(`round ${round}: bound ${name}: ${throughput.toFixed(1)}/s without HTTP`);
  }
}

async function measureOpenLoop(
  { options, pictures, results, progress }: Bench,
  name: ServerName,
  { origin }: RunningServer,
): Promise<void> {
  const closed = median(
    results.runs
      .filter((run) => run.server === name && run.clients === watched && !run.encrypted)
      .map((run) => run.throughput),
  );
  const steps: (typeof results.open)[number]["steps"] = [];
  const holds = async (rate: number): Promise<boolean> => {
    const job = {
      origin,
      file: pictures.plain,
      fileName: pictureName,
      ratePerSecond: rate,
      seconds: options.seconds,
      seed: `arrivals ${steps.length}`,
    };
    const { requests, ...step } = await runJob("open-loop.js", job, openLoopResult);
    steps.push({ rate, ...step });
    progress(
      `open loop, ${name}: ${rate.toFixed(1)}/s (${requests}): p99 ${step.p99Ms.toFixed(0)} ms`,
    );
    return step.failures === 0 && step.p99Ms < openLoopLimitMs;
  };
  const range = {
    low: closed * openLoopShares.low,
    high: closed * openLoopShares.high,
    steps: options.quick ? 2 : 4,
  };
  results.open.push({ server: name, highestRate: await highestRate(range, holds), steps });
}
