import { z } from "zod";
import { healthSchema } from "./health-probe.js";
import { insideSchema } from "./metrics.js";

/** The job of closed-loop.ts: each client sends the next picture as soon as the last one is answered. */
export const closedLoopJob = z.object({
  /** The server's origin: no slash at its end. */
  origin: z.string(),
  /** The file to send, and the name under which it is uploaded. */
  file: z.string(),
  fileName: z.string(),
  clients: z.int().min(1),
  /** The run's length, in seconds or in pictures. */
  until: z.union([z.object({ seconds: z.number() }), z.object({ requests: z.int() })]),
  warmUpSeconds: z.number(),
  /** Whether health checks run at the same time. */
  probe: z.boolean().default(false),
  metricsUrl: z.string().optional(),
});

export const closedLoopResult = z.object({
  requests: z.number(),
  /** Requests a second. */
  throughput: z.number(),
  p50Ms: z.number(),
  p90Ms: z.number(),
  p99Ms: z.number(),
  /** Requests without an answer, with a status other than 200, or with an answer that differs from the first. */
  failures: z.number(),
  health: healthSchema.optional(),
  inside: insideSchema.optional(),
});
export type ClosedLoopResult = z.infer<typeof closedLoopResult>;

/** The job of open-loop.ts: requests are sent at random times. */
export const openLoopJob = z.object({
  origin: z.string(),
  file: z.string(),
  fileName: z.string(),
  ratePerSecond: z.number(),
  seconds: z.number(),
  seed: z.string(),
});

export const openLoopResult = z.object({
  requests: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  failures: z.number(),
  /** The 99th percentile of the load generator's own delay. */
  latenessP99Ms: z.number(),
});

export const bareDecodingJob = z.object({ file: z.string(), times: z.int().min(1) });
export const bareDecodingResult = z.object({ p50Ms: z.number() });

export const boundJob = z.object({
  model: z.string(),
  format: z.enum(["onnx", "ort"]),
  weights: z.enum(["packed", "in-place"]),
  manifest: z.string(),
  file: z.string(),
  inFlight: z.int().min(1),
  seconds: z.number(),
  warmUpSeconds: z.number(),
});
export const boundResult = z.object({ throughput: z.number() });
