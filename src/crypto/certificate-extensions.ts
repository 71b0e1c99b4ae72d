import { readGeneralNames, readSubtreeBase, type GeneralName } from "./certificate-names.js";
import {
  DerSequence,
  contextTag,
  readAllDer,
  readDer,
  readSequenceOf,
  tags,
  type DerValue,
} from "./der.js";
import { readBitString, readFlag, readObjectIdentifier, readSmallInteger } from "./der-values.js";

/** What a certificate's extensions say (RFC 5280, section 4.2). */
export interface CertificateExtensions {
  /** Object identifiers of critical extensions that this reader does not know. */
  unknownCritical: string[];
  /** Names of the critical extensions; of unknown ones, the object identifiers. */
  critical: ReadonlySet<string>;
  isCa: boolean;
  /** pathLenConstraint of a CA: how many CAs may follow it; undefined: any number. */
  pathLength: number | undefined;
  /** Undefined: for any use. */
  keyUsage: KeyUsage | undefined;
  /** Object identifiers; undefined: for any purpose. */
  extendedKeyUsage: string[] | undefined;
  subjectAltNames: GeneralName[];
  nameConstraints: NameConstraints | undefined;
}

export interface KeyUsage {
  digitalSignature: boolean;
  keyCertSign: boolean;
  /** Whether the list ends with a use, as DER wants it (X.690, section 11.2.2). */
  isMinimal: boolean;
}

export interface NameConstraints {
  permitted: GeneralName[];
  excluded: GeneralName[];
}

const identifiers = {
  "2.5.29.15": "keyUsage",
  "2.5.29.17": "subjectAltName",
  "2.5.29.19": "basicConstraints",
  "2.5.29.30": "nameConstraints",
  "2.5.29.32": "certificatePolicies",
  "2.5.29.37": "extendedKeyUsage",
} as const;
type Known = (typeof identifiers)[keyof typeof identifiers];

/**
 * policyConstraints can require that policies are evaluated, which this verifier does not do. CAs must mark it critical
 * (section 4.2.1.11); without the mark it is treated as critical, too.
 */
const policyConstraints = "2.5.29.36";
const mostUsageBits = 9;

/**
 * Reads a certificate's extensions. The contents of unknown extensions are not read. subjectKeyIdentifier and
 * authorityKeyIdentifier are among these: they help to find an issuer, and section 6.1 has no rule about them. Where both
 * are present, OpenSSL compares them; they must not be critical (sections 4.2.1.1 and 4.2.1.2).
 *
 * @param field `Extensions`, in its tag of TBSCertificate
 * @throws Error for anything that is not DER, or is not what the extension's section says
 */
export function readCertificateExtensions(field: DerValue | undefined): CertificateExtensions {
  const values = new Map<Known, Uint8Array>();
  const critical = new Set<string>();
  const unknownCritical: string[] = [];
  for (const { id, isCritical, value } of readExtensions(field)) {
    const name = isKnown(id) ? identifiers[id] : undefined;
    if (name !== undefined) values.set(name, value);
    if (isCritical) critical.add(name ?? id);
    if (name === undefined && (isCritical || id === policyConstraints)) unknownCritical.push(id);
  }
  const read = <T>(name: Known, reader: (value: Uint8Array) => T): T | undefined => {
    const value = values.get(name);
    return value === undefined ? undefined : reader(value);
  };
  read("certificatePolicies", checkPolicies);
  const constraints = read("basicConstraints", readBasicConstraints);
  return {
    unknownCritical,
    critical,
    isCa: constraints?.isCa ?? false,
    pathLength: constraints?.pathLength,
    keyUsage: read("keyUsage", readKeyUsage),
    extendedKeyUsage: read("extendedKeyUsage", readExtendedKeyUsage),
    subjectAltNames: read("subjectAltName", readGeneralNames) ?? [],
    nameConstraints: read("nameConstraints", readNameConstraints),
  };
}

function isKnown(id: string): id is keyof typeof identifiers {
  return Object.hasOwn(identifiers, id);
}

interface Extension {
  id: string;
  isCritical: boolean;
  value: Uint8Array;
}

function readExtensions(field: DerValue | undefined): Extension[] {
  if (field === undefined) return [];
  const ids = new Set<string>();
  return readSequenceOf(field.content).map((extension) => {
    const parts = new DerSequence(extension);
    const id = readObjectIdentifier(parts.take(tags.objectIdentifier));
    const isCritical = readFlag(parts.takeOptional(tags.boolean));
    const { content: value } = parts.take(tags.octetString);
    parts.end();
    // RFC 5280, section 4.2: a certificate must not contain the same extension twice.
    if (ids.has(id)) throw new Error(`a certificate with the extension ${id} twice`);
    ids.add(id);
    return { id, isCritical, value };
  });
}

/** Section 4.2.1.9. */
function readBasicConstraints(value: Uint8Array): {
  isCa: boolean;
  pathLength: number | undefined;
} {
  const parts = new DerSequence(readDer(value, tags.sequence));
  const isCa = readFlag(parts.takeOptional(tags.boolean));
  const length = parts.takeOptional(tags.integer);
  parts.end();
  if (length === undefined) return { isCa, pathLength: undefined };
  if (!isCa) throw new Error("a path length of a certificate that is no CA's");
  return { isCa, pathLength: readSmallInteger(length) };
}

/** Section 4.2.1.3: a named bit list. */
function readKeyUsage(value: Uint8Array): KeyUsage {
  const { bytes, unusedBits } = readBitString(readDer(value, tags.bitString));
  const [bits = 0] = bytes;
  const isEmpty = bytes.every((byte) => byte === 0);
  if (isEmpty || bytes.length * 8 - unusedBits > mostUsageBits) {
    throw new Error("a key usage that is no list of one to nine uses");
  }
  return {
    digitalSignature: (bits & 0x80) !== 0,
    keyCertSign: (bits & 0x04) !== 0,
    isMinimal: ((bytes.at(-1) ?? 0) & (1 << unusedBits)) !== 0,
  };
}

/** Section 4.2.1.12. */
function readExtendedKeyUsage(value: Uint8Array): string[] {
  return readSequenceOf(value).map((purpose) => readIdentifier(purpose));
}

/** Section 4.2.1.4. Policies are not evaluated; without policyConstraints they change no result of section 6.1. */
function checkPolicies(value: Uint8Array): void {
  const policies = readSequenceOf(value).map((policy) => {
    const parts = new DerSequence(policy);
    const id = readObjectIdentifier(parts.take(tags.objectIdentifier));
    const qualifiers = parts.takeOptional(tags.sequence);
    if (qualifiers !== undefined) readSequenceOf(qualifiers.whole);
    parts.end();
    return id;
  });
  if (new Set(policies).size < policies.length) throw new Error("a certificate policy twice");
}

/** Section 4.2.1.10. */
function readNameConstraints(value: Uint8Array): NameConstraints {
  const parts = new DerSequence(readDer(value, tags.sequence));
  const permitted = parts.takeOptional(contextTag(0));
  const excluded = parts.takeOptional(contextTag(1));
  parts.end();
  if (permitted === undefined && excluded === undefined) {
    throw new Error("name constraints without a name");
  }
  return { permitted: readSubtrees(permitted), excluded: readSubtrees(excluded) };
}

/** `GeneralSubtrees`: names alone, because minimum is 0 (which DER omits) and maximum is absent (section 4.2.1.10). */
function readSubtrees(field: DerValue | undefined): GeneralName[] {
  if (field === undefined) return [];
  return readSequenceOf(field.whole, field.tag).map((subtree) => {
    const [base, ...bounds] = readAllDer(readDer(subtree.whole, tags.sequence).content);
    if (base === undefined || bounds.length > 0) throw new Error("a subtree with bounds");
    return readSubtreeBase(base);
  });
}

function readIdentifier(value: DerValue): string {
  return readObjectIdentifier(readDer(value.whole, tags.objectIdentifier));
}
