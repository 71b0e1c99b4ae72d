import { z } from "zod";
import { evidenceProviders } from "../built-in.js";
import { httpsOrigin, limit, quoted } from "./values.js";

/** `Inference.Attestation`. */
export const attestation = z
  .strictObject({
    Endpoint: httpsOrigin.describe("The attestation service: an https:// URL without a path."),
    Evidence: z
      .string()
      .regex(
        new RegExp([...evidenceProviders.map((name) => `^${name}$`), "^\\/."].join("|"), "u"),
        { error: `${quoted(evidenceProviders)}, or the absolute path of a provider module` },
      )
      .describe(
        `A provider in the server (${quoted(evidenceProviders, "`")}), or the absolute path of a provider module.`,
      ),
    EvidenceOptions: z
      .record(z.string(), z.unknown())
      .optional()
      .describe("Given to the provider module unchanged."),
    Collateral: z
      .union([z.literal("none"), httpsOrigin], {
        error: '"none", or an https:// URL without a path',
      })
      .default("none")
      .describe(
        "Where the server gets the collateral with which clients verify its evidence: " +
          "`https://api.trustedservices.intel.com`, a PCCS, or `none`: clients get it themselves.",
      ),
    CacheMs: z
      .int()
      .min(0)
      .max(86_400_000)
      .default(60_000)
      .describe("Time for which evidence without a nonce is served again, in ms."),
    MaxQueue: limit(1, 100_000, 64, "Requests for evidence with a nonce that wait for a quote."),
  })
  .describe("How the server proves which code it runs.");
