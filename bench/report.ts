import { judge, listBars } from "./bars.js";
import { stages } from "./metrics.js";
import { variantNames, variantTitles } from "./models.js";
import { renderTable } from "./results-table.js";
import type { Results } from "./results.js";
import { median, ratioWithinRounds, spread } from "./statistics.js";
import { bySize, figure, throughputOn, type Which } from "./summary.js";
import { digits, markdownTable, megabytes, times } from "./table.js";

/** Writes results.md: all measurements as Markdown. */
export function report(results: Results): string {
  const sections: [string, string][] = [
    ["Throughput and latency", renderTable(results)],
    ["Every load", loads(results)],
    ["Where the time goes, at 32 clients", insides(results)],
    ["Random arrivals", openLoops(results)],
    ["Start and memory", boots(results)],
    ["Picture sizes, one client", sizes(results)],
    ["Neighbours", neighbours(results)],
    ["Cores", cores(results)],
    ["Bars", listBars(judge(results))],
    ["Notes", results.notes.map((note) => `- ${note}`).join("\n")],
  ];
  const written = sections
    .filter(([, text]) => text !== "")
    .map(([title, text]) => `## ${title}\n\n${text}\n`);
  return ["# Benchmark", "", ...written].join("\n");
}

function loads(results: Results): string {
  const seen = new Map<string, Which>();
  for (const { server, clients, encrypted } of results.runs) {
    seen.set(JSON.stringify([server, clients, encrypted]), { server, clients, encrypted });
  }
  if (seen.size === 0) return "";
  const rows = [...seen.values()].map((which) => [
    which.server,
    String(which.clients),
    which.encrypted === true ? "encrypted" : "plain",
    times(figure(results, which, (run) => run.throughput)),
    times(figure(results, which, (run) => run.p50Ms)),
    times(figure(results, which, (run) => run.p90Ms)),
    times(figure(results, which, (run) => run.p99Ms)),
    String(figure(results, which, (run) => run.failures)?.max ?? 0),
  ]);
  const head = ["server", "clients", "", "pictures/s", "p50 ms", "p90 ms", "p99 ms", "failed"];
  return markdownTable(head, rows);
}

function insides(results: Results): string {
  const rows = variantNames.flatMap((server) => {
    const at = { server, clients: 32 };
    if (figure(results, at, ({ inside }) => inside?.loopDelayP99Ms) === undefined) return [];
    return [
      [
        server,
        ...stages.map((stage) =>
          times(figure(results, at, ({ inside }) => inside?.stagesMs[stage])),
        ),
        times(figure(results, at, ({ inside }) => inside?.meanBatch)),
        times(figure(results, at, ({ inside }) => inside?.loopDelayP99Ms)),
        times(figure(results, at, ({ health }) => health?.p50Ms)),
        times(figure(results, at, ({ health }) => health?.p99Ms)),
        megabytes(figure(results, at, ({ inside }) => inside?.residentBytes)?.median),
      ],
    ];
  });
  if (rows.length === 0) return "";
  const titles = stages.map((stage) => `${stage} ms`);
  const others = ["batch", "loop delay p99 ms", "health p50 ms", "health p99 ms", "memory"];
  return markdownTable(["server", ...titles, ...others], rows);
}

function openLoops({ open, openLoopLimitMs }: Results): string {
  if (open.length === 0) return "";
  const rows = open.map(({ server, highestRate, steps }) => [
    server,
    digits(highestRate),
    steps.map(({ rate, p99Ms }) => `${digits(rate)}/s: ${digits(p99Ms)} ms`).join(", "),
  ]);
  return markdownTable(
    ["server", `most pictures/s with p99 < ${openLoopLimitMs} ms`, "tried: p99"],
    rows,
  );
}

function boots(results: Results): string {
  if (results.boots.length === 0) return "";
  const rows = results.boots.map((boot) => {
    const of = (bytes: number | undefined): string =>
      bytes === undefined ? "–" : `${megabytes(bytes)} (${digits(bytes / boot.modelBytes)} ×)`;
    return [
      variantTitles[boot.variant],
      megabytes(boot.modelBytes),
      times(spread(boot.bootMs), "ms"),
      of(boot.bootPeakBytes),
      of(boot.peakBytes),
      of(boot.steadyBytes),
    ];
  });
  const head = ["server", "model", "start to ready", "peak at start", "peak", "under load"];
  return markdownTable(head, rows);
}

function sizes(results: Results): string {
  if (results.sizes.length === 0) return "";
  const rows = bySize(results).map(({ megapixels, fileBytes, serverMs, bareMs, ratio }) => [
    `${megapixels} MP`,
    `${(fileBytes / 1e6).toFixed(2)} MB`,
    digits(serverMs),
    digits(bareMs),
    times(ratio),
  ]);
  return markdownTable(["picture", "file", "p50 ms", "bare decoding ms", "×"], rows);
}

function neighbours({ neighbours: rounds }: Results): string {
  if (rounds.length === 0) return "";
  const alone = times(spread(rounds.map(({ aloneP99Ms }) => aloneP99Ms)), "ms");
  const beside = times(spread(rounds.map(({ besideP99Ms }) => besideP99Ms)), "ms");
  return `8 clients with the small picture: p99 ${alone} alone, ${beside} beside a client that sends 48 MP pictures.`;
}

function cores(results: Results): string {
  const one = throughputOn(results, 1);
  const two = throughputOn(results, 2);
  const gain = ratioWithinRounds(two, one);
  if (gain === undefined) return "";
  const rate = (values: typeof one): string => digits(median(values.map(({ value }) => value)));
  return (
    `The server kept to 1 CPU with taskset: ${rate(one)} pictures/s; to 2: ${rate(two)}. ` +
    `One more core gives ${times(gain)} times as many.`
  );
}
