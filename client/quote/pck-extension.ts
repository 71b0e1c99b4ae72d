import { toHex } from "../encoding.js";
import { VerificationError } from "../verification-error.js";
import { derNumber, derOid, derTags, readDerSequence, type DerElement } from "./der.js";

/** What a PCK certificate states about its platform. */
export interface PlatformTcb {
  /** 6 bytes, upper-case hexadecimal as in Intel's TCB information: the family of processors. */
  fmspc: string;
  /** 2 bytes, hexadecimal. */
  pceId: string;
  /** 16 security versions. */
  components: readonly number[];
  pceSvn: number;
}

/** Intel, "SGX PCK Certificate and CRL Profile Specification", section 1.3.5. */
export const sgxExtension = "1.2.840.113741.1.13.1";
const oids = {
  tcb: `${sgxExtension}.2`,
  pceId: `${sgxExtension}.3`,
  fmspc: `${sgxExtension}.4`,
} as const;
const components = 16;

/**
 * Reads the SGX extension of a PCK certificate.
 *
 * @param value DER
 * @throws VerificationError CERTIFICATE_INVALID
 */
export function readPckExtension(value: Uint8Array): PlatformTcb {
  try {
    const fields = readFields(value);
    const tcb = readFields(field(fields, oids.tcb).whole);
    const svn = (index: number): number => derNumber(field(tcb, `${oids.tcb}.${index}`));
    return {
      fmspc: toHex(octets(field(fields, oids.fmspc), 6)).toUpperCase(),
      pceId: toHex(octets(field(fields, oids.pceId), 2)),
      components: Array.from({ length: components }, (_, index) => svn(index + 1)),
      pceSvn: svn(components + 1),
    };
  } catch (cause) {
    const message = "PCK certificate: the SGX extension has not the form of Intel's profile";
    throw new VerificationError("CERTIFICATE_INVALID", message, { cause });
  }
}

/** A sequence of pairs: object identifier and value. */
function readFields(sequence: Uint8Array): Map<string, DerElement> {
  const pairs = readDerSequence(sequence).map(({ whole }): [string, DerElement] => {
    const [oid, value, ...others] = readDerSequence(whole);
    if (oid === undefined || value === undefined || others.length > 0)
      throw new RangeError("expected a pair");
    return [derOid(oid), value];
  });
  const fields = new Map(pairs);
  if (fields.size !== pairs.length) throw new RangeError("expected each field once");
  return fields;
}

function field(fields: ReadonlyMap<string, DerElement>, oid: string): DerElement {
  const value = fields.get(oid);
  if (value === undefined) throw new RangeError(`expected the field ${oid}`);
  return value;
}

function octets({ tag, content }: DerElement, length: number): Uint8Array {
  if (tag !== derTags.octetString || content.length !== length)
    throw new RangeError("expected octets");
  return content;
}
