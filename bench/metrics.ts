import { z } from "zod";

/** What the server's metrics show between two readings. Missing metrics are left out. */
export const insideSchema = z.object({
  /** Mean milliseconds of a request in each stage. */
  stagesMs: z.record(z.string(), z.number()),
  /** Pictures in one run of the model. */
  meanBatch: z.number().optional(),
  /** The 99th percentile of the event loop's delay, in milliseconds. */
  loopDelayP99Ms: z.number().optional(),
  residentBytes: z.number().optional(),
});
export type Inside = z.infer<typeof insideSchema>;

export const stages = ["upload", "decrypt", "decode", "queue", "inference"] as const;

/** Reads Prometheus' text format. @returns values by `name{labels}`, as they are written there */
export function parseMetrics(text: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split("\n")) {
    const end = line.lastIndexOf(" ");
    if (end > 0 && !line.startsWith("#")) values.set(line.slice(0, end), Number(line.slice(end)));
  }
  return values;
}

/**
 * The difference between two readings.
 *
 * @param before the first reading, which also resets prom-client's event loop delay
 */
export function compareMetrics(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): Inside {
  const meanOf = (name: string, labels: string): number | undefined => {
    const grown = (what: string): number => {
      const key = `${name}_${what}${labels}`;
      return (after.get(key) ?? 0) - (before.get(key) ?? 0);
    };
    const count = grown("count");
    return count > 0 ? grown("sum") / count : undefined;
  };
  const stagesMs: Record<string, number> = {};
  for (const stage of stages) {
    const seconds = meanOf("confml_stage_duration_seconds", `{stage="${stage}"}`);
    if (seconds !== undefined) stagesMs[stage] = seconds * 1000;
  }
  const inside: Inside = { stagesMs };
  const meanBatch = meanOf("confml_batch_size", "");
  if (meanBatch !== undefined) inside.meanBatch = meanBatch;
  const delay = after.get("nodejs_eventloop_lag_p99_seconds");
  if (delay !== undefined) inside.loopDelayP99Ms = delay * 1000;
  const resident = after.get("process_resident_memory_bytes");
  if (resident !== undefined) inside.residentBytes = resident;
  return inside;
}
