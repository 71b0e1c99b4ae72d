import { z } from "zod";
import { limit } from "./values.js";

/** `Inference.Results`: what answers contain, and which are encrypted. */
export const results = z
  .strictObject({
    Encrypt: z
      .enum(["match", "always", "never"])
      .default("match")
      .describe(
        "`match`: answers to JWE uploads are encrypted, those to `.encrypted` uploads where `Accept` asks. `always`: " +
          "both are. `never`: none is, so that whoever sends a captured JWE reads its labels.",
      ),
    Key: z
      .string()
      .optional()
      .describe(
        "ID of the JWE secret for encrypted answers to `.encrypted` uploads; never the LegacyKey. Absent: there are none.",
      ),
    MaxTop: limit(1, 100_000, 1000, "Largest `top` that a request may ask for."),
    Probabilities: z
      .enum(["all", "jwe", "none"])
      .default("all")
      .describe(
        "Answers with probabilities: all, those to JWE uploads, or none. The others have labels in order.",
      ),
  })
  .prefault({})
  .describe("Answers.");
