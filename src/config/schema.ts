import { z } from "zod";
import { inference } from "./schema/inference.js";
import { secret } from "./schema/secret.js";

/**
 * Names of the TEE's environment variables. MYST_TARGET tells the server which platform it runs on (platform.ts), and so
 * which rules hold: only Mystikos may set it.
 */
const variableNames = z
  .array(
    z
      .string()
      .refine(
        (text) => !text.startsWith("MYST_"),
        "a variable whose name does not start with MYST_",
      ),
  )
  .optional();

/**
 * config.json: Mystikos' file with a section of ours, `Inference`, in which every key must be known. Mystikos' other keys
 * are accepted and ignored, except for an enclave (enclave.ts).
 */
export const configSchema = z.looseObject({
  EnvironmentVariables: variableNames.describe(
    "Mystikos' own: variables of the TEE, as NAME=VALUE. No name starts with MYST_; under SGX an allow-list holds.",
  ),
  HostEnvironmentVariables: variableNames.describe(
    "Mystikos' own: variables that the TEE takes from the host, by name. The same rules hold.",
  ),
  MaxAffinityCPUs: z
    .int()
    .min(0)
    .optional()
    .describe("Mystikos' own: processors that the TEE's threads may use. 0 or absent: all."),
  Secret: z.array(secret).min(1).describe("The owners' keys, in Mystikos' own section."),
  Inference: inference,
});

export type Config = z.infer<typeof configSchema>;
export type SecretEntry = Config["Secret"][number];
