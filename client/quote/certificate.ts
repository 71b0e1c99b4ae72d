import { equalBytes, toHex } from "../encoding.js";
import { derOid, derTags, readDer, readDerSequence, type DerElement } from "./der.js";

/** The fields of a certificate (RFC 5280, section 4.1) that Intel's profile uses. */
export interface Certificate {
  /** The certificate itself. */
  der: Uint8Array;
  /** Hexadecimal. */
  serialNumber: string;
  /** DER of the name, as subject. */
  issuer: Uint8Array;
  subject: Uint8Array;
  /** Undefined where the subject has none or several. */
  commonName: string | undefined;
  notBefore: Date;
  notAfter: Date;
  /** SubjectPublicKeyInfo */
  publicKey: Uint8Array;
  /** Whether it may sign certificates and CRLs (sections 4.2.1.3 and 4.2.1.9). */
  isCa: boolean;
  /** DER of the values, by object identifier. */
  extensions: ReadonlyMap<string, Uint8Array>;
}

const tags = { version: 0xa0, extensions: 0xa3, boolean: 0x01, utcTime: 0x17, time: 0x18 } as const;
const oids = {
  commonName: "2.5.4.3",
  keyUsage: "2.5.29.15",
  basicConstraints: "2.5.29.19",
} as const;
/** Bits of the first byte of a key usage: keyCertSign and cRLSign. */
const caUsages = 0x06;

/**
 * Reads a certificate. Callers verify its signature first, so that this function sees nothing but what a trusted CA signed
 * and a trusted root itself.
 *
 * @throws RangeError for anything else
 */
export function readCertificate(der: Uint8Array): Certificate {
  const [tbs] = readDerSequence(der);
  const [version, serial, , issuer, validity, subject, publicKey, extensionList, ...others] =
    readDer(content(tbs, derTags.sequence));
  content(version, tags.version);
  const [notBefore, notAfter] = readDer(content(validity, derTags.sequence));
  if (others.length > 0) throw new RangeError("expected a certificate without unique identifiers");
  const extensions = readExtensions(content(extensionList, tags.extensions));
  return {
    der,
    serialNumber: toHex(content(serial, derTags.integer)),
    issuer: whole(issuer),
    subject: whole(subject),
    commonName: readCommonName(content(subject, derTags.sequence)),
    notBefore: readTime(notBefore),
    notAfter: readTime(notAfter),
    publicKey: whole(publicKey),
    isCa: isCa(extensions),
    extensions,
  };
}

/** UTCTime or GeneralizedTime, with seconds and in UTC (RFC 5280, section 4.1.2.5). @throws RangeError */
export function readTime(element: DerElement | undefined): Date {
  const text = new TextDecoder("latin1").decode(element?.content);
  const century = Number(text.slice(0, 2)) < 50 ? "20" : "19";
  const digits = element?.tag === tags.utcTime ? century + text : text;
  const [, year, month, day, time = ""] = /^(\d{4})(\d\d)(\d\d)(\d{6})Z$/u.exec(digits) ?? [];
  const date = new Date(
    `${year ?? ""}-${month ?? ""}-${day ?? ""}T${time.replace(/(..)(..)(..)/u, "$1:$2:$3")}Z`,
  );
  const isTime = element?.tag === tags.utcTime || element?.tag === tags.time;
  if (!isTime || Number.isNaN(date.getTime())) throw new RangeError("expected a time");
  return date;
}

/** @throws RangeError where there is none, or one with another tag */
export function content(element: DerElement | undefined, tag: number): Uint8Array {
  if (element?.tag !== tag) throw new RangeError(`expected an element with tag ${tag}`);
  return element.content;
}

function whole(element: DerElement | undefined): Uint8Array {
  content(element, derTags.sequence);
  return element?.whole ?? new Uint8Array();
}

function readCommonName(name: Uint8Array): string | undefined {
  const attributes = readDer(name)
    .flatMap((set) => readDer(set.content))
    .map((attribute) => readDer(attribute.content))
    .filter(([oid]) => oid !== undefined && derOid(oid) === oids.commonName);
  const [first] = attributes;
  return attributes.length === 1 ? new TextDecoder().decode(first?.[1]?.content) : undefined;
}

function readExtensions(list: Uint8Array): Map<string, Uint8Array> {
  const extensions = new Map<string, Uint8Array>();
  for (const { whole: extension } of readDerSequence(list)) {
    const [oid, ...rest] = readDerSequence(extension);
    const [value, ...others] = rest.filter(({ tag }) => tag !== tags.boolean);
    const isCritical = rest[0]?.tag === tags.boolean;
    const name = oid === undefined ? "" : derOid(oid);
    const isKnown = name === oids.keyUsage || name === oids.basicConstraints;
    if (others.length > 0 || extensions.has(name) || (isCritical && !isKnown)) {
      throw new RangeError("expected each extension once, and no unknown critical one");
    }
    extensions.set(name, content(value, derTags.octetString));
  }
  return extensions;
}

function isCa(extensions: ReadonlyMap<string, Uint8Array>): boolean {
  const constraints = extensions.get(oids.basicConstraints);
  const usage = extensions.get(oids.keyUsage);
  if (constraints === undefined || usage === undefined) return false;
  const [ca] = readDerSequence(constraints);
  const [bits] = readDer(usage);
  const isMarked = ca?.tag === tags.boolean && equalBytes(ca.content, Uint8Array.of(0xff));
  return isMarked && ((content(bits, derTags.bitString)[1] ?? 0) & caUsages) === caUsages;
}
