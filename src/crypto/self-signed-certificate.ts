import { createPublicKey, randomBytes, sign, type KeyObject } from "node:crypto";
import { contextTag, tags } from "./der.js";
import { writeDer } from "./der-write.js";

const utf8String = 0x0c;
const serialNumberBytes = 16;

/** Fixed parts of the certificate (RFC 5280, section 4.1), as DER in hexadecimal. */
const parts = {
  /** INTEGER 2: version 3. */
  version: hex("020102"),
  /** ecdsa-with-SHA256, without parameters (RFC 5758, section 3.2). */
  algorithm: hex("300a06082a8648ce3d040302"),
  /** id-at-commonName. */
  commonName: hex("0603550403"),
  /** id-ce-keyUsage, critical: digitalSignature alone. */
  keyUsage: hex("300e0603551d0f0101ff040403020780"),
  /** id-ce-extKeyUsage: id-kp-serverAuth. */
  extendedKeyUsage: hex("30130603551d25040c300a06082b06010505070301"),
};

/**
 * Makes an X.509 certificate of one shape: self-signed, P-256 and SHA-256, for a TLS server, of one common name.
 *
 * Clients compare the key with attested runtime data; nothing else in the certificate proves anything. So it is valid from
 * 1970, as the host sets the clock, and without a well-defined end (RFC 5280, section 4.1.2.5).
 *
 * @param privateKey of P-256
 * @returns DER
 */
export function makeSelfSignedCertificate(privateKey: KeyObject, commonName: string): Buffer {
  const { sequence, set, integer, bitString, utcTime, generalizedTime } = tags;
  const text = writeDer(utf8String, Buffer.from(commonName));
  const name = writeDer(sequence, writeDer(set, writeDer(sequence, parts.commonName, text)));
  const signed = writeDer(
    sequence,
    writeDer(contextTag(0), parts.version),
    writeDer(integer, randomSerialNumber()),
    parts.algorithm,
    name,
    writeDer(
      sequence,
      writeDer(utcTime, Buffer.from("700101000000Z")),
      writeDer(generalizedTime, Buffer.from("99991231235959Z")),
    ),
    name,
    createPublicKey(privateKey).export({ type: "spki", format: "der" }),
    writeDer(contextTag(3), writeDer(sequence, parts.keyUsage, parts.extendedKeyUsage)),
  );
  const signature = Buffer.concat([Buffer.of(0), sign("sha256", signed, privateKey)]);
  return writeDer(sequence, signed, parts.algorithm, writeDer(bitString, signature));
}

/** A positive integer whose encoding has no leading zeros. */
function randomSerialNumber(): Buffer {
  const bytes = randomBytes(serialNumberBytes);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

function hex(digits: string): Buffer {
  return Buffer.from(digits, "hex");
}
