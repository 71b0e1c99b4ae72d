import type { VariantName } from "./models.js";
import type { Results, ServerName } from "./results.js";
import { median, ratioWithinRounds, spread, type RoundValue, type Spread } from "./statistics.js";

type Run = Results["runs"][number];

/** Selects runs by server, number of clients and encryption (default: plain). */
export interface Which {
  server: ServerName;
  clients: number;
  encrypted?: boolean;
}

export function runsOf(results: Results, { server, clients, encrypted = false }: Which): Run[] {
  return results.runs.filter(
    (run) => run.server === server && run.clients === clients && run.encrypted === encrypted,
  );
}

/** The spread of one figure over the selected runs; undefined where none of them has it. */
export function figure(
  results: Results,
  which: Which,
  pick: (run: Run) => number | undefined,
): Spread | undefined {
  return spread(runsOf(results, which).flatMap((run) => pick(run) ?? []));
}

export function throughputs(results: Results, which: Which): RoundValue[] {
  return runsOf(results, which).map(({ round, throughput: value }) => ({ round, value }));
}

export function throughputRatio(results: Results, above: Which, below: Which): Spread | undefined {
  return ratioWithinRounds(throughputs(results, above), throughputs(results, below));
}

/** The ratio of the server's throughput at 32 clients to that of its decoding and inference without HTTP. */
export function shareOfBound(results: Results, variant: VariantName): Spread | undefined {
  const bound = results.bound
    .filter((run) => run.variant === variant)
    .map(({ round, throughput: value }) => ({ round, value }));
  return ratioWithinRounds(throughputs(results, { server: variant, clients: 32 }), bound);
}

/** Counts failures of all measurements except the open loop, which looks for the rate at which requests fail. */
export function countFailures({ runs, sizes, neighbours, scaling }: Results): {
  failures: number;
  requests: number;
} {
  const ours = runs.filter(({ server }) => server !== "baseline");
  const all = [...ours, ...sizes, ...neighbours, ...scaling];
  return {
    failures: all.reduce((sum, { failures }) => sum + failures, 0),
    requests: ours.reduce((sum, { requests }) => sum + requests, 0),
  };
}

/** For each picture size: the server's latency, that of bare decoding, and their ratio. */
export function bySize({ sizes }: Results): {
  megapixels: number;
  fileBytes: number;
  serverMs: number;
  bareMs: number;
  ratio: Spread | undefined;
}[] {
  const all = [...new Set(sizes.map(({ megapixels }) => megapixels))].sort((a, b) => a - b);
  return all.map((megapixels) => {
    const rounds = sizes.filter((size) => size.megapixels === megapixels);
    return {
      megapixels,
      fileBytes: rounds[0]?.fileBytes ?? 0,
      serverMs: median(rounds.map(({ serverP50Ms }) => serverP50Ms)),
      bareMs: median(rounds.map(({ bareP50Ms }) => bareP50Ms)),
      ratio: spread(rounds.map(({ serverP50Ms, bareP50Ms }) => serverP50Ms / bareP50Ms)),
    };
  });
}

export function neighbourRatio({ neighbours }: Results): Spread | undefined {
  return spread(neighbours.map(({ aloneP99Ms, besideP99Ms }) => besideP99Ms / aloneP99Ms));
}

/** The throughput on a number of CPUs, in pictures a second. */
export function throughputOn({ scaling }: Results, cpus: number): RoundValue[] {
  return scaling
    .filter((run) => run.cpus === cpus)
    .map(({ round, throughput: value }) => ({ round, value }));
}
