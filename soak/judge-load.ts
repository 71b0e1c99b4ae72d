import { markdownTable } from "../bench/table.js";
import type { LoadResult } from "./load.js";
import { judgeGrowth, rule, type Point } from "./verdict.js";

interface Measure {
  name: string;
  points: Point[];
  /** Growth over the second half that counts as none, in the values' unit. */
  tolerance: number;
  unit: "bytes" | "count";
}

export interface Judged {
  text: string;
  leaks: string[];
}

/** Judges each figure of a load by its growth. */
export function judgeLoad({ samples, lives, requests }: LoadResult): Judged {
  const of = (name: "rssBytes" | "descriptors" | "threads"): Point[] =>
    samples.map((sample) => ({ requests: sample.requests, value: sample[name] }));
  const live = (name: "heapUsed" | "external" | "mallocUsed"): Point[] =>
    lives.map((sample) => ({ requests: sample.requests, value: sample[name] }));
  // Tolerances are generous for growth that is not a leak; a pod of 2 GB would still last for millions of requests.
  const perHalf = (bytesPerRequest: number): number => (bytesPerRequest * requests) / 2;
  const measures: Measure[] = [
    { name: "RSS", points: of("rssBytes"), tolerance: Math.max(8e6, perHalf(800)), unit: "bytes" },
    {
      name: "heap, collected",
      points: live("heapUsed"),
      tolerance: Math.max(1e6, perHalf(100)),
      unit: "bytes",
    },
    {
      name: "buffers, collected",
      points: live("external"),
      tolerance: Math.max(4e6, perHalf(100)),
      unit: "bytes",
    },
    {
      name: "malloc in use, collected",
      points: live("mallocUsed"),
      tolerance: Math.max(4e6, perHalf(100)),
      unit: "bytes",
    },
    { name: "descriptors", points: of("descriptors"), tolerance: 12, unit: "count" },
    { name: "threads", points: of("threads"), tolerance: 3, unit: "count" },
  ];
  const leaks: string[] = [];
  const rows = measures.map(({ name, points, tolerance, unit }) => {
    const { kind, parts, growth, growthPerRequest, noise } = judgeGrowth(points, tolerance);
    if (kind === "leaking") leaks.push(`${name} grows by ${growthPerRequest.toFixed(1)} a request`);
    const show = (value: number): string =>
      unit === "bytes" ? `${(value / 1e6).toFixed(1)} MB` : value.toFixed(1);
    const rate =
      unit === "bytes" ? `${growthPerRequest.toFixed(0)} B` : growthPerRequest.toFixed(4);
    return [
      name,
      parts.map(show).join(" → "),
      ...[show(growth), rate, show(tolerance), show(noise), kind],
    ];
  });
  const head = ["figure", "medians of the second half", "growth", "a request", "tolerance"];
  return { text: `${markdownTable([...head, "noise", "verdict"], rows)}\n\n${rule}`, leaks };
}
