import { z } from "zod";
import { httpsOrigin } from "./values.js";

/** `Inference.Attestation`. */
export const attestation = z
  .strictObject({
    Endpoint: httpsOrigin.describe("The attestation service: an https:// URL without a path."),
    Evidence: z
      .string()
      .regex(/^sgx$|^\/./u, { error: '"sgx", or the absolute path of a provider module' })
      .describe("`sgx`, or the absolute path of a provider module."),
    EvidenceOptions: z
      .record(z.string(), z.unknown())
      .optional()
      .describe("Given to the provider module unchanged."),
  })
  .describe("How the server proves which code it runs.");
