import {
  contextTag,
  expectTag,
  readAllDer,
  readBoolean,
  readDer,
  readObjectIdentifier,
  readSmallInteger,
  tags,
  type DerValue,
} from "./der.js";

/** What Node does not show of an X.509 certificate (RFC 5280, section 4.1). */
export interface CertificateFields {
  /** By its name in OpenSSL, or undefined where it is none that may be relied on. */
  signatureHash: "sha256" | "sha384" | "sha512" | undefined;
  /** Critical extensions that nobody here understands, by object identifier. */
  unknownCritical: string[];
  /** Of a CA; undefined: any number of CAs may follow. */
  pathLength: number | undefined;
  /** Undefined: for any use. */
  keyUsage: { digitalSignature: boolean; keyCertSign: boolean } | undefined;
  /** Object identifiers; undefined: for any purpose. */
  extendedKeyUsage: string[] | undefined;
  subjectAltNames: GeneralName[];
  nameConstraints: { permitted: GeneralName[]; excluded: GeneralName[] } | undefined;
}

/** RFC 5280, section 4.2.1.6. */
export interface GeneralName {
  /** The number of the form: 2 is dNSName, 4 directoryName. */
  form: number;
  /** Of a dNSName alone, in lower case. */
  text: string;
}

const hashes: Readonly<Record<string, CertificateFields["signatureHash"]>> = {
  // RSASSA-PKCS1-v1_5 (RFC 4055, section 5).
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  // ECDSA (RFC 5758, section 3.2).
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
  // The hashes themselves, as RSASSA-PSS names them.
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};
const rsassaPss = "1.2.840.113549.1.1.10";

const extensions = {
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  certificatePolicies: "2.5.29.32",
  extendedKeyUsage: "2.5.29.37",
} as const;
const known = new Set<string>(Object.values(extensions));
const dnsForm = 2;

/**
 * @param der a whole certificate and nothing else
 * @throws Error for anything that is not DER, or not a certificate's
 */
export function readCertificateFields(der: Uint8Array): CertificateFields {
  const [tbs, algorithm] = readAllDer(readDer(der, tags.sequence).content);
  const fields = readAllDer(expectTag(tbs, tags.sequence).content);
  // The version is optional, the serial number comes after it.
  const afterSerial = fields.findIndex(({ tag }) => tag === tags.integer) + 1;
  const inner = expectTag(fields[afterSerial], tags.sequence);
  // RFC 5280, section 4.1.1.2.
  if (!Buffer.from(inner.whole).equals(expectTag(algorithm, tags.sequence).whole)) {
    throw new Error("a certificate with two different signature algorithms");
  }
  const found = readExtensions(fields.find(({ tag }) => tag === contextTag(3)));
  const content = (name: keyof typeof extensions): Uint8Array | undefined =>
    found.get(extensions[name])?.value;
  return {
    signatureHash: readSignatureHash(inner),
    unknownCritical: [...found].flatMap(([id, { isCritical }]) =>
      isCritical && !known.has(id) ? [id] : [],
    ),
    pathLength: readPathLength(content("basicConstraints")),
    keyUsage: readKeyUsage(content("keyUsage")),
    extendedKeyUsage: readExtendedKeyUsage(content("extendedKeyUsage")),
    subjectAltNames: readNames(content("subjectAltName")),
    nameConstraints: readNameConstraints(content("nameConstraints")),
  };
}

function readSignatureHash({ content }: DerValue): CertificateFields["signatureHash"] {
  const [identifier, parameters] = readAllDer(content);
  const id = readObjectIdentifier(expectTag(identifier, tags.objectIdentifier));
  if (id !== rsassaPss) return hashes[id];
  // RFC 4055, section 3.1: `[0]` is the hash; without it, it is SHA-1.
  const hash = readAllDer(expectTag(parameters, tags.sequence).content).find(
    ({ tag }) => tag === contextTag(0),
  );
  if (hash === undefined) return undefined;
  const [hashIdentifier] = readAllDer(readDer(hash.content, tags.sequence).content);
  return hashes[readObjectIdentifier(expectTag(hashIdentifier, tags.objectIdentifier))];
}

interface Extension {
  isCritical: boolean;
  value: Uint8Array;
}

function readExtensions(field: DerValue | undefined): Map<string, Extension> {
  const found = new Map<string, Extension>();
  if (field === undefined) return found;
  for (const extension of readAllDer(readDer(field.content, tags.sequence).content)) {
    const parts = readAllDer(expectTag(extension, tags.sequence).content);
    const [identifier, second] = parts;
    const id = readObjectIdentifier(expectTag(identifier, tags.objectIdentifier));
    const isCritical = second?.tag === tags.boolean && readBoolean(second);
    const value = expectTag(parts[second?.tag === tags.boolean ? 2 : 1], tags.octetString).content;
    // RFC 5280, section 4.2: each at most once.
    if (found.has(id)) throw new Error(`a certificate with the extension ${id} twice`);
    found.set(id, { isCritical, value });
  }
  return found;
}

function readPathLength(value: Uint8Array | undefined): number | undefined {
  if (value === undefined) return undefined;
  const parts = readAllDer(readDer(value, tags.sequence).content);
  const length = parts.find(({ tag }) => tag === tags.integer);
  return length === undefined ? undefined : readSmallInteger(length);
}

function readKeyUsage(value: Uint8Array | undefined): CertificateFields["keyUsage"] {
  if (value === undefined) return undefined;
  // The first byte counts the unused bits; bit 0 is the highest of the next.
  const [, bits = 0] = readDer(value, tags.bitString).content;
  return { digitalSignature: (bits & 0x80) !== 0, keyCertSign: (bits & 0x04) !== 0 };
}

function readExtendedKeyUsage(value: Uint8Array | undefined): string[] | undefined {
  if (value === undefined) return undefined;
  return readAllDer(readDer(value, tags.sequence).content).map((purpose) =>
    readObjectIdentifier(expectTag(purpose, tags.objectIdentifier)),
  );
}

function readNames(value: Uint8Array | undefined): GeneralName[] {
  return value === undefined ? [] : readAllDer(readDer(value, tags.sequence).content).map(readName);
}

function readName({ tag, content }: DerValue): GeneralName {
  const form = tag & 0x1f;
  const text = form === dnsForm ? Buffer.from(content).toString("latin1").toLowerCase() : "";
  return { form, text };
}

function readNameConstraints(value: Uint8Array | undefined): CertificateFields["nameConstraints"] {
  if (value === undefined) return undefined;
  const lists = readAllDer(readDer(value, tags.sequence).content);
  const names = (number: number): GeneralName[] => {
    const list = lists.find(({ tag }) => tag === contextTag(number));
    // RFC 5280, section 4.2.1.10: a subtree is a name; minimum and maximum are not used.
    return readAllDer(list?.content ?? new Uint8Array()).map((subtree) => {
      const [base, ...bounds] = readAllDer(expectTag(subtree, tags.sequence).content);
      if (base === undefined || bounds.length > 0) throw new Error("a subtree with bounds");
      return readName(base);
    });
  };
  return { permitted: names(0), excluded: names(1) };
}
