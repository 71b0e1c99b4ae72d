import type { Results, ServerName } from "./results.js";
import { median } from "./statistics.js";
import { figure, throughputRatio, type Which } from "./summary.js";
import { digits, markdownTable, megabytes, times } from "./table.js";

const begin = "<!-- bench:begin -->";
const end = "<!-- bench:end -->";

const columns = ["baseline", "fp32", "int8"] as const;

/**
 * docs/performance.md with the table of these results between its two marks.
 *
 * @throws Error where the marks are missing
 */
export function replaceTable(page: string, results: Results): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) {
    throw new Error(`docs/performance.md: expected a line ${begin} and, below it, a line ${end}`);
  }
  const before = page.slice(0, from + begin.length);
  return `${before}\n\n${renderTable(results)}\n\n${page.slice(to)}`;
}

/** The figures that matter, of a plain server and of ours. */
export function renderTable(results: Results): string {
  const { machine, settings, picture } = results;
  const cell = (which: Which, pick: Parameters<typeof figure>[2]): string =>
    times(figure(results, which, pick));
  const throughput = (title: string, clients: number, encrypted = false): string[] => [
    title,
    ...columns.map((server) => cell({ server, clients, encrypted }, (run) => run.throughput)),
  ];
  const rows = [
    throughput("pictures/s, 1 client", 1),
    throughput("pictures/s, 8 clients", 8),
    throughput("pictures/s, 8 clients, encrypted", 8, true),
    throughput("pictures/s, 32 clients", 32),
    throughput("pictures/s, 32 clients, encrypted", 32, true),
    throughput("pictures/s, 128 clients", 128),
    ["× plain server, 32 clients", ...columns.map((server) => overBaseline(results, server))],
    latencies(results, "p50, 1 client", 1, "p50Ms"),
    latencies(results, "p50, 32 clients", 32, "p50Ms"),
    latencies(results, "p99, 32 clients", 32, "p99Ms"),
    [
      `pictures/s at random times, p99 < ${results.openLoopLimitMs} ms`,
      ...columns.map((server) => openRate(results, server)),
    ],
    ["pictures/s without HTTP", ...columns.map((server) => bound(results, server))],
    ["start to ready", ...columns.map((server) => bootTime(results, server))],
    ["memory under load", ...columns.map((server) => memory(results, server))],
  ];
  const shown = rows.filter(([, ...cells]) => cells.some((text) => text !== "–"));
  return [
    markdownTable(["", "plain server", "confml, fp32", "confml, int8"], shown),
    "",
    `AlexNet (61 M parameters), ${picture.width} × ${picture.height} JPEG of ` +
      `${Math.round(picture.bytes / 1000)} kB, ${machine.cores} cores of ${machine.cpu}, ` +
      `Node ${machine.node.slice(1)}, on loopback; the load generator shares the cores. Medians of ` +
      `${settings.repeats} runs of ${settings.seconds} s, with their range; ${machine.date}, ` +
      `commit ${machine.commit}.`,
  ].join("\n");
}

function latencies(
  results: Results,
  title: string,
  clients: number,
  which: "p50Ms" | "p99Ms",
): string[] {
  return [
    title,
    ...columns.map((server) =>
      times(
        figure(results, { server, clients }, (run) => run[which]),
        "ms",
      ),
    ),
  ];
}

function overBaseline(results: Results, server: ServerName): string {
  if (server === "baseline") return "1";
  const clients = 32;
  return times(throughputRatio(results, { server, clients }, { server: "baseline", clients }));
}

function openRate({ open }: Results, server: ServerName): string {
  const found = open.find((search) => search.server === server);
  return found === undefined ? "–" : digits(found.highestRate);
}

function bound(results: Results, server: ServerName): string {
  const values = results.bound.filter(({ variant }) => variant === server);
  return values.length === 0 ? "–" : digits(median(values.map(({ throughput }) => throughput)));
}

function bootTime({ boots }: Results, server: ServerName): string {
  const boot = boots.find(({ variant }) => variant === server);
  return boot === undefined ? "–" : `${digits(median(boot.bootMs) / 1000)} s`;
}

function memory({ boots }: Results, server: ServerName): string {
  return megabytes(boots.find(({ variant }) => variant === server)?.steadyBytes);
}
