import {
  DerSequence,
  contextTag,
  expectTag,
  readAllDer,
  readDer,
  readSequenceOf,
  tags,
  type DerValue,
} from "./der.js";
import { readObjectIdentifier } from "./der-values.js";

/**
 * `Name` (RFC 5280, section 4.1.2.4). The values of its attributes are not read: names are compared byte by byte, which
 * refuses some names that section 7.1 calls equal. Section 4.1.2.6 requires CAs to encode both in the same way.
 */
export interface DistinguishedName {
  encoded: Uint8Array;
  isEmpty: boolean;
  /** Whether the name has an emailAddress attribute: constraints on e-mail addresses apply to it (section 4.2.1.10). */
  hasEmailAddress: boolean;
}

/** RFC 5280, section 4.2.1.6. */
export interface GeneralName {
  /** The tag number of the name's form: one of `forms`, or another from 0 to 8. */
  form: number;
  /** A dNSName in lower case; empty for every other form. */
  text: string;
}

export const forms = { email: 1, dns: 2, directory: 4, uri: 6, ip: 7 } as const;

const emailAddress = "1.2.840.113549.1.9.1";
/** RFC 1034, section 3.5: letters, digits and hyphens. */
const dnsName =
  /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/u;
const longestDnsName = 253;
/** otherName, x400Address, directoryName and ediPartyName. */
const constructedForms: readonly number[] = [0, 3, 4, 5];
const mostForm = 8;

/** Reads a `Name` (RFC 5280, section 4.1.2.4). @throws Error if it is malformed */
export function readDistinguishedName(value: DerValue): DistinguishedName {
  const sets = readAllDer(expectTag(value, tags.sequence).content);
  const types = sets.flatMap(({ whole }) => readRelativeName(whole));
  return {
    encoded: value.whole,
    isEmpty: sets.length === 0,
    hasEmailAddress: types.includes(emailAddress),
  };
}

/** @returns the attributes' types */
function readRelativeName(encoded: Uint8Array): string[] {
  const attributes = readSequenceOf(encoded, tags.set);
  attributes.slice(1).forEach(({ whole }, index) => {
    // X.690, section 11.6: in ascending order.
    if (Buffer.compare(attributes[index]?.whole ?? whole, whole) >= 0) {
      throw new Error("a set that is not in DER's order");
    }
  });
  return attributes.map((attribute) => {
    const parts = new DerSequence(attribute);
    const type = readObjectIdentifier(parts.take(tags.objectIdentifier));
    parts.takeAny();
    parts.end();
    return type;
  });
}

/** Reads subjectAltName's `GeneralNames` (RFC 5280, section 4.2.1.6). @throws Error for a malformed name */
export function readGeneralNames(encoded: Uint8Array): GeneralName[] {
  return readSequenceOf(encoded).map((value) => {
    const name = readGeneralName(value);
    if (name.form === forms.ip) checkLength(value, [4, 16]);
    return name;
  });
}

/** Reads the base of a `GeneralSubtree` (RFC 5280, section 4.2.1.10), where an IP address has a mask. @throws Error */
export function readSubtreeBase(value: DerValue): GeneralName {
  const name = readGeneralName(value);
  if (name.form === forms.ip) checkMask(value);
  return name;
}

/** Whether a text in lower case is a DNS name without a wildcard and without a leading or trailing dot. */
export function isDnsName(text: string): boolean {
  return text.length <= longestDnsName && dnsName.test(text);
}

function readGeneralName(value: DerValue): GeneralName {
  const { tag, content } = value;
  const form = tag & 0x1f;
  const isConstructed = constructedForms.includes(form);
  if (tag !== (isConstructed ? contextTag(form) : 0x80 | form) || form > mostForm) {
    throw new Error(`a name of an unknown form: tag ${tag}`);
  }
  if (form === forms.directory) readDistinguishedName(readDer(content, tags.sequence));
  const text = form === forms.dns ? Buffer.from(content).toString("latin1").toLowerCase() : "";
  return { form, text };
}

function checkMask(value: DerValue): void {
  checkLength(value, [8, 32]);
  const mask = Buffer.from(value.content.subarray(value.content.length / 2));
  const bits = [...mask].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  if (!/^1*0*$/u.test(bits)) throw new Error("a mask of addresses with gaps");
}

function checkLength({ content }: DerValue, lengths: readonly number[]): void {
  if (!lengths.includes(content.length)) {
    throw new Error(`an address of ${content.length} bytes, not ${lengths.join(" or ")}`);
  }
}
