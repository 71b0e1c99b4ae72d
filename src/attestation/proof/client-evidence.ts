import { createHash } from "node:crypto";
import type { EvidenceProvider } from "../evidence.js";

/** Evidence as clients verify it: a quote alone. */
export interface ClientEvidence {
  type: EvidenceType;
  quote: Uint8Array;
  /** Of the code that runs here: MRENCLAVE, in hexadecimal. */
  measurement: string;
}

export type EvidenceType = "sgx";

/** The evidence that clients verify, by the operation of an attestation service that would. */
const types: ReadonlyMap<string, EvidenceType> = new Map([["SgxEnclave", "sgx"]]);

/**
 * An SGX quote, version 3: a header of 48 bytes, then an enclave report of 384 (Intel, "SGX ECDSA Quote Library API",
 * appendix A.4).
 */
const layout = {
  version: 3,
  measurement: { start: 48 + 64, end: 48 + 96 },
  reportData: { start: 48 + 320, end: 48 + 384 },
} as const;
const reportDataBytes = 64;

/**
 * Gets evidence over runtime data: the report data is its SHA-256 and 32 zero bytes.
 *
 * @throws Error for evidence of another form, or over other data; what the provider throws
 */
export async function collectEvidence(
  provider: EvidenceProvider,
  runtimeData: Uint8Array,
): Promise<ClientEvidence> {
  const digest = createHash("sha256").update(runtimeData).digest();
  const { type: operation, fields } = await provider.collect(digest);
  const type = types.get(operation);
  const quote = fields["quote"];
  if (type === undefined || quote === undefined) {
    throw new Error(`evidence of the type ${operation}, which clients do not verify`);
  }
  const bytes = Buffer.from(quote);
  if (bytes.length < layout.reportData.end || bytes.readUInt16LE(0) !== layout.version) {
    throw new Error("no SGX quote of version 3");
  }
  const expected = Buffer.concat([digest], reportDataBytes);
  if (!bytes.subarray(layout.reportData.start, layout.reportData.end).equals(expected)) {
    throw new Error("a quote over other data than was asked for");
  }
  const { start, end } = layout.measurement;
  return { type, quote: bytes, measurement: bytes.subarray(start, end).toString("hex") };
}
