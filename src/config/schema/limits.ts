import { z } from "zod";
import { limit, milliseconds } from "./values.js";

/** `Inference.Limits`: limits on requests, connections and runs of the model. */
export const limits = z
  .strictObject({
    MaxBatch: limit(1, 256, 8, "Pictures in one run of the model."),
    MaxBatchDelayMs: limit(0, 10_000, 0, "Time that a run waits for more pictures, in ms."),
    MaxQueue: limit(1, 100_000, 256, "Requests in each queue, for decoding and for the model."),
    MaxBytesInFlight: z
      .int()
      .min(1)
      .default(268_435_456)
      .describe("Bytes of all uploads in memory, counted as they arrive."),
    MaxLegacyUploads: limit(
      0,
      100_000,
      200,
      "Distinct `.encrypted` uploads from one address (IPv4, IPv6 /48) in LegacyPeriodMs. 0: any number.",
    ),
    LegacyPeriodMs: limit(1000, 86_400_000, 3_600_000, "Period of MaxLegacyUploads, in ms."),
    RequestsPerMinute: limit(
      0,
      1_000_000,
      0,
      "Requests from one address (IPv4, IPv6 /64) in a minute, without health checks. 0: any number.",
    ),
    // At most 8 s: a server that stops waits 10 s for its answers.
    RejectionDelayMs: limit(
      0,
      8000,
      5000,
      "Longest delay of the answer to an encrypted upload that is rejected, in ms. It doubles from 0.1 s with each rejection " +
        "of an address (IPv4, IPv6 /64) after the tenth, and ends after a minute without one. 0: none.",
    ),
    MaxBytesPerAddress: z
      .int()
      .min(1)
      .optional()
      .describe(
        "Bytes of uploads from one address (IPv4, IPv6 /64), at most MaxBytesInFlight. Default: three quarters of it.",
      ),
    MinBytesPerSecond: z
      .int()
      .min(0)
      .default(1024)
      .describe(
        "An upload that brings fewer bytes a second over UploadGraceMs is refused. 0: any rate.",
      ),
    UploadGraceMs: milliseconds(5000).describe("Period of MinBytesPerSecond, in ms."),
    MaxConnections: limit(1, 1_000_000, 4096, "Open connections."),
    MaxConnectionsPerAddress: z
      .int()
      .min(1)
      .optional()
      .describe(
        "Open connections of one address, at most MaxConnections. Default: three quarters of it.",
      ),
    HeaderTimeoutMs: milliseconds(5000).describe("Time for the head of a request, in ms."),
    RequestTimeoutMs: milliseconds(30_000).describe(
      "Time from the end of a request's head to the end of its answer, in ms.",
    ),
    RunTimeoutMs: milliseconds(10_000).describe(
      "Time for one run of the model, in ms. A longer run ends the server, because nothing can stop it.",
    ),
  })
  .prefault({})
  .describe("Limits on requests, connections and runs of the model.");
