import { z } from "zod";
import { evidenceProviders } from "../built-in.js";
import { httpsOrigin, quoted } from "./values.js";

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
  })
  .describe("How the server proves which code it runs.");
