import { readFile } from "node:fs/promises";
import { z } from "zod";
import { loadConfig } from "../../src/config/load.js";
import { exitCodes, TeeFailure } from "./failure.js";

const mystikosSchema = z.looseObject({
  Debug: z.union([z.literal(0), z.literal(false)]),
  ProductID: z.int().min(0).max(65_535),
  SecurityVersion: z.int().min(0).max(65_535),
  MemorySize: z.string(),
  ApplicationPath: z.string().startsWith("/"),
  ApplicationParameters: z.array(z.string()),
});

/** What of a configuration the enclave's signature holds beside its measurement. */
export interface ReleaseConfig {
  productId: number;
  securityVersion: number;
  warnings: string[];
}

/**
 * Reads a configuration as one for production: none of what a demonstration may have passes.
 *
 * @throws TeeFailure
 */
export async function readReleaseConfig(file: string): Promise<ReleaseConfig> {
  const { config } = await loadConfig(file).catch((error: unknown) => {
    throw new TeeFailure(exitCodes.data, error instanceof Error ? error.message : String(error));
  });
  const problems: string[] = [];
  const { Attestation: attestation, Trust: trust, Model: model } = config.Inference;
  if (trust !== undefined) {
    problems.push("Inference.Trust: expected none; it is how stand-ins of Azure are reached");
  }
  if (attestation.Evidence !== "sgx") {
    problems.push(
      `Inference.Attestation.Evidence: expected "sgx"; got ${JSON.stringify(attestation.Evidence)}`,
    );
  }
  const parsed = mystikosSchema.safeParse(JSON.parse(await readFile(file, "utf8")));
  for (const { path, message } of parsed.error?.issues ?? []) {
    const isDebug = path[0] === "Debug";
    problems.push(
      isDebug
        ? "Debug: expected 0; the machine's owner can read the memory of a debug enclave"
        : `${path.join(".")}: ${message}`,
    );
  }
  if (problems.length > 0 || parsed.data === undefined) {
    throw new TeeFailure(exitCodes.data, `${file} is not for production`, problems);
  }
  const { ProductID: productId, SecurityVersion: securityVersion } = parsed.data;
  const warnings = /^0+$/u.test(model.Sha256)
    ? ["Inference.Model.Sha256 is the example's: this package will find its model altered"]
    : [];
  return { productId, securityVersion, warnings };
}
