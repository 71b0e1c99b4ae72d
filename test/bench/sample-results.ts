import type { Results } from "../../bench/results.js";

type Run = Results["runs"][number];
type Server = Run["server"];

/** One run of the load; 32 clients see the server from inside, too. */
export function sampleRun(
  server: Server,
  clients: number,
  throughput: number,
  changes: Partial<Run> = {},
): Run {
  return {
    round: 1,
    server,
    clients,
    encrypted: false,
    requests: throughput * 5,
    throughput,
    p50Ms: (clients / throughput) * 1000,
    p90Ms: (clients / throughput) * 1100,
    p99Ms: (clients / throughput) * 1200,
    failures: 0,
    ...(server === "baseline" || clients !== 32
      ? {}
      : {
          health: { p50Ms: 1, p99Ms: 9, count: 100, failures: 0 },
          inside: { stagesMs: { decode: 11 }, meanBatch: 4, loopDelayP99Ms: 14 },
        }),
    ...changes,
  };
}

/** Results that meet every bar. */
export function sampleResults(): Results {
  const megabyte = 1e6;
  return {
    machine: {
      cpu: "A CPU",
      cores: 2,
      memoryBytes: 8e9,
      system: "linux x64",
      node: "v20.20.2",
      date: "2026-11-24",
      commit: "0123456789ab",
    },
    settings: { repeats: 1, seconds: 5, full: true },
    picture: { width: 700, height: 577, bytes: 79_012 },
    openLoopLimitMs: 250,
    runs: [
      sampleRun("baseline", 1, 40),
      sampleRun("fp32", 1, 44),
      sampleRun("int8", 1, 66),
      sampleRun("baseline", 32, 80),
      sampleRun("fp32", 32, 100),
      sampleRun("int8", 32, 130),
      sampleRun("fp32", 32, 98, { encrypted: true }),
    ],
    bound: [
      { round: 1, variant: "fp32", throughput: 105 },
      { round: 1, variant: "int8", throughput: 135 },
    ],
    open: [{ server: "fp32", highestRate: 77, steps: [] }],
    boots: [
      boot("fp32", 244 * megabyte, 2, 1.4),
      boot("ort", 244 * megabyte, 1.3, 1.2),
      boot("int8", 62 * megabyte, 3, 3),
    ],
    sizes: [
      {
        ...{ round: 1, megapixels: 1, fileBytes: 2e5, failures: 0 },
        serverP50Ms: 30,
        bareP50Ms: 15,
      },
      {
        ...{ round: 1, megapixels: 48, fileBytes: 9e6, failures: 0 },
        serverP50Ms: 900,
        bareP50Ms: 400,
      },
    ],
    neighbours: [{ round: 1, aloneP99Ms: 100, besideP99Ms: 150, failures: 0 }],
    scaling: [
      { round: 1, cpus: 1, throughput: 50, failures: 0 },
      { round: 1, cpus: 2, throughput: 90, failures: 0 },
    ],
    notes: [],
  };
}

function boot(
  variant: Results["boots"][number]["variant"],
  modelBytes: number,
  peak: number,
  steady: number,
): Results["boots"][number] {
  return {
    variant,
    modelBytes,
    bootMs: [1500],
    bootPeakBytes: modelBytes * peak,
    peakBytes: modelBytes * peak,
    steadyBytes: modelBytes * steady,
  };
}
