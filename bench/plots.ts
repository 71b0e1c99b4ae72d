import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { Results } from "./results.js";
import { bySize, figure } from "./summary.js";

const width = 520;
const height = 220;
const titles = { baseline: "plain server", fp32: "confml, fp32", int8: "confml, int8" } as const;
const drawn = ["baseline", "fp32", "int8"] as const;
const config = { background: "white", font: "sans-serif" };
const lines = { type: "line", point: true } as const;

/** Plots throughput and, below it, the 99th percentile of latency over the number of clients. @returns SVG */
export function plotThroughput(results: Results): Promise<string> {
  const counts = [...new Set(results.runs.map(({ clients }) => clients))].sort((a, b) => a - b);
  const values = drawn.flatMap((server) =>
    counts.flatMap((clients) => {
      const throughput = figure(results, { server, clients }, (run) => run.throughput);
      const p99 = figure(results, { server, clients }, (run) => run.p99Ms);
      if (throughput === undefined || p99 === undefined) return [];
      return [{ server: titles[server], clients, throughput: throughput.median, p99: p99.median }];
    }),
  );
  const x = {
    field: "clients",
    type: "ordinal",
    title: "clients",
    axis: { labelAngle: 0 },
  } as const;
  const color = { field: "server", type: "nominal", title: null } as const;
  const panel = (field: string, title: string) => ({
    width,
    height,
    mark: lines,
    encoding: { x, color, y: { field, type: "quantitative", title } as const },
  });
  return draw({
    config,
    data: { values },
    vconcat: [panel("throughput", "pictures/s"), panel("p99", "p99, ms")],
  });
}

/** Plots one client's latency and that of bare decoding over the picture's size. @returns SVG */
export function plotSizes(results: Results): Promise<string> {
  const values = bySize(results).flatMap(({ megapixels, serverMs, bareMs }) => [
    { megapixels, what: "confml", milliseconds: serverMs },
    { megapixels, what: "bare decoding", milliseconds: bareMs },
  ]);
  const scale = { type: "log" } as const;
  return draw({
    config,
    width,
    height,
    data: { values },
    mark: lines,
    encoding: {
      x: { field: "megapixels", type: "quantitative", scale, title: "megapixels" },
      y: { field: "milliseconds", type: "quantitative", scale, title: "p50, ms" },
      color: { field: "what", type: "nominal", title: null },
    },
  });
}

async function draw(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return `${svg}\n`;
}
