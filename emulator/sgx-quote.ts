import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";

/**
 * The layout of an SGX ECDSA quote, version 3 (Intel, "SGX ECDSA Quote Library API", appendix A.4): a header of 48 bytes, an
 * enclave report body of 384, a length, the signature data: the quote's signature, the attestation key, and what certifies
 * that key, down to a root of the emulator's own. Verifiers that trust Intel's root alone refuse it.
 */
const headerBytes = 48;
const bodyBytes = 384;
const signedBytes = headerBytes + bodyBytes;
/** r and s, as well as x and y. */
const signatureBytes = 64;
const quoteVersion = 3;
/** Attestation key type: ECDSA-256 with the P-256 curve. */
const ecdsaP256 = 2;
/** The vendor of the quoting enclave: Intel's UUID. */
const vendor = Buffer.from("939a7233f79c4ca9940a0db3957f0607", "hex");
const vendorOffset = 12;

/** Offsets into the report body. */
const offsets = {
  attributes: 48,
  mrenclave: 64,
  mrsigner: 128,
  isvProdId: 256,
  isvSvn: 258,
  reportData: 320,
};
const certificationLabel = "SGX CERTIFICATION DATA";
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

/** Writes a report body, 384 bytes. */
export function writeReportBody(report: EnclaveReport): Buffer {
  const body = Buffer.alloc(bodyBytes);
  body[offsets.attributes] =
    attributeInit | attributeMode64 | (report.debuggable ? attributeDebug : 0);
  report.mrenclave.copy(body, offsets.mrenclave);
  report.mrsigner.copy(body, offsets.mrsigner);
  body.writeUInt16LE(report.productId, offsets.isvProdId);
  body.writeUInt16LE(report.securityVersion, offsets.isvSvn);
  report.reportData.copy(body, offsets.reportData);
  return body;
}

/**
 * Writes a quote and signs it.
 *
 * @param quotingKeyPem an EC P-256 private key and its certification (sgx-platform.ts)
 */
export function createQuote(report: EnclaveReport, quotingKeyPem: string): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt16LE(quoteVersion, 0);
  header.writeUInt16LE(ecdsaP256, 2);
  vendor.copy(header, vendorOffset);
  const key = createPrivateKey(quotingKeyPem);
  const signed = Buffer.concat([header, writeReportBody(report)]);
  const signature = sign("sha256", signed, { key, dsaEncoding: "ieee-p1363" });
  const data = Buffer.concat([signature, publicPoint(key), readCertification(quotingKeyPem)]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(data.length);
  return Buffer.concat([signed, length, data]);
}

/** Encodes a quoting key's certification as a PEM block, which is appended to the key's own PEM block. */
export function writeCertification(certification: Buffer): string {
  const lines = certification.toString("base64").match(/.{1,64}/gu) ?? [];
  return `-----BEGIN ${certificationLabel}-----\n${lines.join("\n")}\n-----END ${certificationLabel}-----\n`;
}

function readCertification(quotingKeyPem: string): Buffer {
  const [, text] = quotingKeyPem.split(
    new RegExp(`-----(?:BEGIN|END) ${certificationLabel}-----`, "u"),
  );
  if (text === undefined) throw new Error("the quoting key has no certification");
  return Buffer.from(text, "base64");
}

/** x and y of a P-256 key, 32 bytes each. */
export function publicPoint(key: KeyObject): Buffer {
  const { x = "", y = "" } = key.export({ format: "jwk" });
  return Buffer.concat([Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
}

/**
 * Reads a quote and checks its signature.
 *
 * @param quotingKeyPem as for createQuote
 * @returns undefined for anything but a quote that this quoting key signed, with its certification
 */
export function verifyQuote(quote: Buffer, quotingKeyPem: string): EnclaveReport | undefined {
  const quotingKey = createPrivateKey(quotingKeyPem);
  const keyStart = signedBytes + 4 + signatureBytes;
  const certified = Buffer.concat([publicPoint(quotingKey), readCertification(quotingKeyPem)]);
  if (
    quote.length !== keyStart + certified.length ||
    quote.readUInt16LE(0) !== quoteVersion ||
    quote.readUInt16LE(2) !== ecdsaP256 ||
    quote.readUInt32LE(signedBytes) !== signatureBytes + certified.length ||
    !quote.subarray(keyStart).equals(certified)
  ) {
    return undefined;
  }
  const key = { key: createPublicKey(quotingKey), dsaEncoding: "ieee-p1363" } as const;
  const signature = quote.subarray(signedBytes + 4, keyStart);
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
