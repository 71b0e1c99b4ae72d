import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import { readCertificateFields, type CertificateFields } from "../src/crypto/certificate-fields.js";
import { forms } from "../src/crypto/certificate-names.js";
import { readAllDer } from "../src/crypto/der.js";
import { encodeDer } from "./der-tree.js";

const firstGeneralizedYear = 2050;

/**
 * Checks that Node and our reader read the same fields in a certificate.
 *
 * @param der one certificate in DER
 * @param theirs the same certificate as Node reads it
 * @throws AssertionError where a field differs
 */
export function assertAgreement(der: Uint8Array, theirs: X509Certificate): void {
  const ours = readCertificateFields(der);
  assert(theirs.raw.equals(der), "Node reads other bytes");
  assert.equal(
    BigInt(`0x${theirs.serialNumber.replace(/^-/u, "")}`),
    magnitude(ours.serialNumber),
    "serial number",
  );
  assert.equal(Date.parse(theirs.validFrom), ours.notBefore.date.getTime(), "notBefore");
  assert.equal(Date.parse(theirs.validTo), ours.notAfter.date.getTime(), "notAfter");
  // Node's `keyUsage` is the extended key usage.
  assert.equal(String(theirs.keyUsage), String(ours.extendedKeyUsage), "extended key usage");
  if (theirs.ca) assert(ours.isCa && ours.keyUsage?.keyCertSign !== false, "a CA for Node alone");
  const key = publicKeyOf(theirs);
  if (ours.key.isStrong && key !== undefined) {
    assert.deepEqual(key, Buffer.from(ours.key.encoded), "public key");
  }
  assertNames(ours, theirs);
  assertWrittenAlike(der, ours);
}

/** @returns undefined for a key that OpenSSL refuses, such as a point that is not on its curve */
function publicKeyOf(certificate: X509Certificate): Buffer | undefined {
  try {
    return certificate.publicKey.export({ type: "spki", format: "der" });
  } catch {
    return undefined;
  }
}

function assertNames({ subjectAltNames }: CertificateFields, theirs: X509Certificate): void {
  // Where Node cannot read one of the names, it shows none, and no host matches.
  if (typeof theirs.subjectAltName !== "string") return;
  const named = theirs.subjectAltName.toLowerCase();
  for (const { form, text } of subjectAltNames) {
    if (form !== forms.dns || !/^[a-z0-9.-]+$/u.test(text)) continue;
    assert(named.includes(`dns:${text}`), `Node does not know the name ${text}`);
  }
}

/** Encodes the fields again: the signed part begins with these bytes, and contains the basic constraints of a CA. */
function assertWrittenAlike(der: Uint8Array, fields: CertificateFields): void {
  const [certificate] = readAllDer(der);
  const [signed, algorithm] = readAllDer(certificate?.content ?? der);
  const { issuer, subject, key, notBefore, notAfter, serialNumber, version } = fields;
  const validity = Buffer.concat([notBefore, notAfter].map(encodeTime));
  const beginning = Buffer.concat([
    version === 1 ? new Uint8Array() : Buffer.from("a003020102", "hex"),
    encodeDer(0x02, serialNumber),
    algorithm?.whole ?? new Uint8Array(),
    issuer.encoded,
    encodeDer(0x30, validity),
    subject.encoded,
    key.encoded,
  ]);
  const content = Buffer.from(signed?.content ?? []);
  assert.deepEqual(content.subarray(0, beginning.length), beginning, "fields in other bytes");
  if (!fields.isCa) return;
  const pathLength =
    fields.pathLength === undefined ? "" : encodeDer(2, Buffer.from([fields.pathLength]));
  const flag = Buffer.from("0101ff", "hex");
  const constraints = encodeDer(0x30, Buffer.concat([flag, Buffer.from(pathLength)]));
  const isCritical = fields.critical.has("basicConstraints") ? "0101ff" : "";
  const identified = Buffer.from(`0603551d13${isCritical}`, "hex");
  const extension = Buffer.concat([identified, encodeDer(0x04, constraints)]);
  assert(content.includes(encodeDer(0x30, extension)), "basic constraints in other bytes");
}

function encodeTime({ date, isFormOfItsYear }: CertificateFields["notBefore"]): Buffer {
  const digits = date
    .toISOString()
    .replace(/\.000Z$/u, "Z")
    .replace(/[-:T]/gu, "");
  const isGeneralized = date.getUTCFullYear() >= firstGeneralizedYear || !isFormOfItsYear;
  return isGeneralized
    ? encodeDer(0x18, Buffer.from(digits))
    : encodeDer(0x17, Buffer.from(digits.slice(2)));
}

/** @param bytes a two's complement integer, whose sign Node's serial number shows separately */
function magnitude(bytes: Uint8Array): bigint {
  const value = BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString("hex")}`));
  return value < 0n ? -value : value;
}
