import { z } from "zod";
import { longestTimerMs } from "../../bounds/timers.js";
import { milliseconds } from "./values.js";

/** `Inference.Release`: the release of the keys and how they are fetched again. */
export const release = z
  .strictObject({
    DeadlineMs: milliseconds(120_000).describe("Time for the release of all keys at boot, in ms."),
    RefreshMs: z
      .int()
      .refine((value) => value === 0 || (value >= 100 && value <= longestTimerMs), {
        error: `0 (never), or 100 to ${longestTimerMs}`,
      })
      .default(0)
      .meta({
        description:
          "Interval at which the data owners' keys are fetched again, in ms: 0 (never), or 100 or more.",
        minimum: 0,
        maximum: longestTimerMs,
      }),
    GraceMs: z
      .int()
      .min(0)
      .max(longestTimerMs)
      .default(86_400_000)
      .describe("Time for which a replaced key still opens images, in ms."),
    AttemptTimeoutMs: milliseconds(20_000).describe("Time for one request to Azure, in ms."),
    Wrapping: z
      .enum(["RSA_AES_KEY_WRAP_256", "RSA_AES_KEY_WRAP_384", "CKM_RSA_AES_KEY_WRAP"])
      .default("RSA_AES_KEY_WRAP_256")
      .describe("How a vault wraps the key that it releases."),
  })
  .prefault({})
  .describe("The release of the owners' keys.");
