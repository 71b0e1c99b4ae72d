import type { EvidenceProvider } from "../../src/attestation/evidence.js";
import { createBootKeys } from "../../src/attestation/proof/boot-keys.js";
import type { ServerFacts } from "../../src/attestation/proof/runtime-data.js";
import {
  ServerAttestation,
  type ServerAttestationOptions,
} from "../../src/attestation/proof/server-attestation.js";

export const measurement = "ab".repeat(32);

/** The signed part of an SGX quote, version 3, without its signature. */
export function quoteOver(reportData: Uint8Array): Buffer {
  const quote = Buffer.alloc(432);
  quote.writeUInt16LE(3);
  quote.write(measurement, 112, "hex");
  quote.set(reportData, 368);
  return quote;
}

/** A provider of unsigned quotes. */
export const unsignedProvider: EvidenceProvider = {
  collect: (reportData) =>
    Promise.resolve({ type: "SgxEnclave", fields: { quote: quoteOver(reportData) } }),
};

export async function testFacts(): Promise<ServerFacts> {
  return {
    keys: await createBootKeys(),
    config: "34".repeat(32),
    model: { name: "colours", version: "1", sha256: "12".repeat(32) },
    version: "0.1.0",
  };
}

export async function testAttestation(
  options: Partial<ServerAttestationOptions> = {},
): Promise<ServerAttestation> {
  return new ServerAttestation({
    provider: unsignedProvider,
    facts: await testFacts(),
    collateralFor: () => Promise.resolve(undefined),
    cacheMs: 60_000,
    maxQueue: 64,
    onUnavailable: () => undefined,
    ...options,
  });
}
