import { z } from "zod";
import { limit } from "./values.js";

/** `Inference.Images`: the formats of uploads, their keys, and the limits of decoding. */
export const images = z
  .strictObject({
    Formats: z
      .array(z.enum(["plain", "encrypted", "jwe", "attested"]))
      .min(1)
      .default(["jwe"])
      .describe(
        "Formats of uploads that are accepted. `attested`: JWE to the key that GET /attestation proves. `encrypted` is not authenticated: see SECURITY.md.",
      ),
    Keys: z
      .array(z.string())
      .min(1)
      .refine((ids) => new Set(ids).size === ids.length, "each name once")
      .optional()
      .describe(
        "IDs of the data owners' secrets for JWE uploads. Default, if Formats has jwe: the entry whose LocalPath is " +
          "/image.key.",
      ),
    LegacyKey: z
      .string()
      .optional()
      .describe(
        "ID of the secret of `.encrypted` uploads; never one of Keys. Default, if Formats has encrypted: the entry " +
          "whose LocalPath is /image.key.",
      ),
    MaxBytes: limit(1, 1_073_741_824, 20_971_520, "Largest size of one upload, in bytes."),
    MaxPixels: limit(1, 268_402_689, 50_000_000, "Width × height of one picture, in pixels."),
    MaxWidth: limit(1, 500_000, 32_768, "Width of one picture as its file holds it, in pixels."),
    MaxHeight: limit(1, 500_000, 32_768, "Height of one picture as its file holds it, in pixels."),
    MaxRowBytes: limit(
      1,
      268_435_456,
      524_288,
      "One decoded row, in bytes: width × channels × bytes of a sample.",
    ),
    MaxDecodeBytes: z
      .int()
      .min(67_108_864)
      .default(629_145_600)
      .describe("Memory for decoding one picture, computed from its header, in bytes."),
    MaxDecodeBytesInFlight: z
      .int()
      .min(67_108_864)
      .default(805_306_368)
      .describe(
        "Memory for all pictures decoded at one time, in bytes; at least MaxDecodeBytes. The difference is for small " +
          "pictures only.",
      ),
    MaxDecodes: limit(1, 64, 3, "Pictures decoded at one time."),
    DecodeTimeoutMs: z
      .int()
      .min(1000)
      .max(3_600_000)
      .multipleOf(1000)
      .default(15_000)
      .describe("Time for decoding one picture, in ms: whole seconds."),
  })
  .refine(
    ({ MaxDecodeBytes, MaxDecodeBytesInFlight }) => MaxDecodeBytesInFlight >= MaxDecodeBytes,
    {
      path: ["MaxDecodeBytesInFlight"],
      error: "at least Images.MaxDecodeBytes",
    },
  )
  .prefault({})
  .describe("Uploads: formats, keys, and limits.");
