import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";

/**
 * The layout of an SGX ECDSA quote, version 3 (Intel, "SGX ECDSA Quote Library API", appendix A.4): a header of 48 bytes, an
 * enclave report body of 384, a length, the signature data. The signature data is one ECDSA P-256 signature by the emulator's
 * quoting key, without Intel's attestation key and certification: real verifiers refuse it.
 */
const headerBytes = 48;
const bodyBytes = 384;
const signedBytes = headerBytes + bodyBytes;
const signatureBytes = 64;
const quoteVersion = 3;
/** Attestation key type: ECDSA-256 with the P-256 curve. */
const ecdsaP256 = 2;

/** Offsets into the report body. */
const offsets = {
  attributes: 48,
  mrenclave: 64,
  mrsigner: 128,
  isvProdId: 256,
  isvSvn: 258,
  reportData: 320,
};
const attributeInit = 0x01;
const attributeDebug = 0x02;
const attributeMode64 = 0x04;

export interface EnclaveReport {
  mrenclave: Buffer;
  mrsigner: Buffer;
  productId: number;
  securityVersion: number;
  debuggable: boolean;
  /** 64 bytes */
  reportData: Buffer;
}

/** Writes a quote and signs it. @param quotingKeyPem an EC P-256 private key */
export function createQuote(report: EnclaveReport, quotingKeyPem: string): Buffer {
  const quote = Buffer.alloc(signedBytes + 4 + signatureBytes);
  quote.writeUInt16LE(quoteVersion, 0);
  quote.writeUInt16LE(ecdsaP256, 2);
  const body = quote.subarray(headerBytes, signedBytes);
  body[offsets.attributes] =
    attributeInit | attributeMode64 | (report.debuggable ? attributeDebug : 0);
  report.mrenclave.copy(body, offsets.mrenclave);
  report.mrsigner.copy(body, offsets.mrsigner);
  body.writeUInt16LE(report.productId, offsets.isvProdId);
  body.writeUInt16LE(report.securityVersion, offsets.isvSvn);
  report.reportData.copy(body, offsets.reportData);
  quote.writeUInt32LE(signatureBytes, signedBytes);
  const key = createPrivateKey(quotingKeyPem);
  sign("sha256", quote.subarray(0, signedBytes), { key, dsaEncoding: "ieee-p1363" }).copy(
    quote,
    signedBytes + 4,
  );
  return quote;
}

/** Reads a quote and checks its signature. @returns undefined for anything but a quote that this quoting key signed */
export function verifyQuote(quote: Buffer, quotingKey: KeyObject): EnclaveReport | undefined {
  if (
    quote.length !== signedBytes + 4 + signatureBytes ||
    quote.readUInt16LE(0) !== quoteVersion ||
    quote.readUInt16LE(2) !== ecdsaP256 ||
    quote.readUInt32LE(signedBytes) !== signatureBytes
  ) {
    return undefined;
  }
  const key = { key: createPublicKey(quotingKey), dsaEncoding: "ieee-p1363" } as const;
  const signature = quote.subarray(signedBytes + 4);
  if (!verify("sha256", quote.subarray(0, signedBytes), key, signature)) return undefined;
  const body = quote.subarray(headerBytes, signedBytes);
  const slice = (offset: number, length: number): Buffer => body.subarray(offset, offset + length);
  return {
    mrenclave: slice(offsets.mrenclave, 32),
    mrsigner: slice(offsets.mrsigner, 32),
    productId: body.readUInt16LE(offsets.isvProdId),
    securityVersion: body.readUInt16LE(offsets.isvSvn),
    debuggable: ((body[offsets.attributes] ?? 0) & attributeDebug) !== 0,
    reportData: slice(offsets.reportData, 64),
  };
}
