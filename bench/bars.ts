import { variantTitles } from "./models.js";
import type { Results } from "./results.js";
import { spread, type Spread } from "./statistics.js";
import {
  bySize,
  countFailures,
  figure,
  neighbourRatio,
  shareOfBound,
  throughputRatio,
  type Which,
} from "./summary.js";
import { markdownTable, megabytes, times } from "./table.js";

/** A performance target of a release, and whether the results meet it. */
export interface Bar {
  name: string;
  limit: string;
  /** Undefined where the figure was not measured. */
  figure: string | undefined;
  met: boolean | undefined;
}

/**
 * Published throughput of the original sample (Python, Flask, PyTorch) and of such a baseline, in pictures a second. The
 * original is not run here: comparisons with it are derived from these figures.
 */
const original = {
  oneClient: { original: 8.0, baseline: 42 },
  manyClients: { original: 24.4, baseline: 79 },
};
const derived = "(derived: the original did not run here)";

/** Compares the results with all targets. */
export function judge(results: Results): Bar[] {
  return [...judgeThroughput(results), ...judgeLatency(results), ...judgeResources(results)];
}

function judgeThroughput(results: Results): Bar[] {
  const at = (server: Which["server"], clients: number, encrypted = false): Which => ({
    server,
    clients,
    encrypted,
  });
  const ratio = (above: Which, below: Which): Spread | undefined =>
    throughputRatio(results, above, below);
  const baseline = at("baseline", 32);
  const many = ratio(at("fp32", 32), baseline);
  const one = ratio(at("fp32", 1), at("baseline", 1));
  const overOriginal = (ours: Spread | undefined, kind: keyof typeof original) =>
    scaled(ours, original[kind].baseline / original[kind].original);
  return [
    atLeast("fp32, 32 clients: × the plain server", 1.15, many),
    atLeast(`fp32, 32 clients: × the original ${derived}`, 3.2, overOriginal(many, "manyClients")),
    atLeast(`fp32, 1 client: × the original ${derived}`, 5, overOriginal(one, "oneClient")),
    atLeast("int8, 32 clients: × the plain server (fp32)", 1.5, ratio(at("int8", 32), baseline)),
    atLeast("int8, 1 client: × our fp32", 1.4, ratio(at("int8", 1), at("fp32", 1))),
    atLeast(
      "fp32, 32 clients: × what is possible without HTTP",
      0.92,
      shareOfBound(results, "fp32"),
    ),
    atLeast(
      "int8, 32 clients: × what is possible without HTTP",
      0.92,
      shareOfBound(results, "int8"),
    ),
    atLeast(
      "fp32, 32 clients, encrypted: × the same, plain",
      0.95,
      ratio(at("fp32", 32, true), at("fp32", 32)),
    ),
    judgeFailures(results),
  ];
}

function judgeFailures(results: Results): Bar {
  const { failures, requests } = countFailures(results);
  const measured = requests > 0;
  return {
    name: "failed requests",
    limit: "0",
    figure: measured ? `${failures} (of ${requests} under load)` : undefined,
    met: measured ? failures === 0 : undefined,
  };
}

function judgeLatency(results: Results): Bar[] {
  const bars: Bar[] = [];
  for (const server of ["fp32", "int8"] as const) {
    const at = { server, clients: 32 };
    const name = `${server}, 32 clients`;
    const tail = figure(results, at, ({ p99Ms, p50Ms }) => p99Ms / p50Ms);
    const loop = figure(results, at, ({ inside }) => inside?.loopDelayP99Ms);
    const health = figure(results, at, (run) => run.health?.p99Ms);
    bars.push(
      atMost(`${name}: p99 ÷ p50`, 1.4, tail),
      atMost(`${name}: event loop's delay, p99`, 20, loop, "ms"),
      atMost(`${name}: health answered, p99`, 25, health, "ms"),
    );
  }
  const huge = bySize(results).find(({ megapixels }) => megapixels === 48);
  bars.push(
    atMost("48 MP: × bare decoding", 3, huge?.ratio),
    atMost("8 small clients' p99 beside 48 MP: × alone", 2, neighbourRatio(results)),
  );
  return bars;
}

/** The most memory at the start and while serving, as multiples of the model's size. */
const memoryLimits = {
  fp32: { peak: 2.3, steady: 1.5 },
  onnx: { peak: 2.3, steady: 1.5 },
  ort: { peak: 1.45, steady: 1.5 },
} as const;

function judgeResources({ boots }: Results): Bar[] {
  return boots.flatMap(({ variant, bootMs, modelBytes, peakBytes, steadyBytes }) => {
    const title = variantTitles[variant];
    const bars = [atMost(`${title}: start to ready`, 2, medianOf(bootMs, 1000), "s")];
    if (variant === "int8") {
      const figureMb = exactly(steadyBytes, 1e6);
      bars.push(atMost(`${title}: memory under load`, 250, figureMb, "MB"));
    } else {
      const { peak, steady } = memoryLimits[variant];
      const model = `× the model's ${megabytes(modelBytes)}`;
      bars.push(
        atMost(`${title}: peak memory ${model}`, peak, exactly(peakBytes, modelBytes)),
        atMost(`${title}: memory under load ${model}`, steady, exactly(steadyBytes, modelBytes)),
      );
    }
    return bars;
  });
}

function medianOf(values: readonly number[], unit: number): Spread | undefined {
  return scaled(spread(values), 1 / unit);
}

function exactly(value: number | undefined, unit: number): Spread | undefined {
  return value === undefined ? undefined : spread([value / unit]);
}

function scaled(values: Spread | undefined, factor: number): Spread | undefined {
  if (values === undefined) return undefined;
  return {
    median: values.median * factor,
    min: values.min * factor,
    max: values.max * factor,
  };
}

function atLeast(name: string, limit: number, values: Spread | undefined): Bar {
  return bar(name, `≥ ${limit}`, values, (value) => value >= limit, "");
}

function atMost(name: string, limit: number, values: Spread | undefined, unit = ""): Bar {
  const shown = unit === "" ? `≤ ${limit}` : `≤ ${limit} ${unit}`;
  return bar(name, shown, values, (value) => value <= limit, unit);
}

function bar(
  name: string,
  limit: string,
  values: Spread | undefined,
  isMet: (value: number) => boolean,
  unit: string,
): Bar {
  return {
    name,
    limit,
    figure: values === undefined ? undefined : times(values, unit),
    met: values === undefined ? undefined : isMet(values.median),
  };
}

/** The targets as a Markdown table. */
export function listBars(bars: readonly Bar[]): string {
  return markdownTable(
    ["bar", "limit", "figure", ""],
    bars.map(({ name, limit, figure: shown, met }) => [
      name,
      limit,
      shown ?? "not measured",
      met === undefined ? "–" : met ? "met" : "**not met**",
    ]),
  );
}
