import { z } from "zod";
import { healthSchema } from "./health-probe.js";
import { insideSchema } from "./metrics.js";

/** What the closed loop is told: clients that each send a picture as soon as the last is answered. */
export const closedLoopJob = z.object({
  /** The server's address, without a slash at its end. */
  origin: z.string(),
  /** What is sent, and how it is called. */
  file: z.string(),
  fileName: z.string(),
  clients: z.int().min(1),
  /** How long, in seconds, or how many pictures. */
  until: z.union([z.object({ seconds: z.number() }), z.object({ requests: z.int() })]),
  warmUpSeconds: z.number(),
  /** Whether the server's health is asked for beside it. */
  probe: z.boolean().default(false),
  metricsUrl: z.string().optional(),
});

export const closedLoopResult = z.object({
  requests: z.number(),
  /** Requests in a second. */
  throughput: z.number(),
  p50Ms: z.number(),
  p90Ms: z.number(),
  p99Ms: z.number(),
  /** Answers that were none, not 200, or unlike the first. */
  failures: z.number(),
  health: healthSchema.optional(),
  inside: insideSchema.optional(),
});
export type ClosedLoopResult = z.infer<typeof closedLoopResult>;

/** What the open loop is told: clients that come when they like. */
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
  /** How late the generator itself was, in 1 of 100 cases. */
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
