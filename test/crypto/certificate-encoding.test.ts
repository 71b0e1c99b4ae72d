import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { der } from "./certify.js";
import { chainOf, verdict } from "./verify-written.js";
import {
  authorityExtensions,
  ca,
  dns,
  ecdsaSha256,
  extension,
  hex,
  host,
  isCritical,
  leafExtensions,
  noCa,
  none,
  objectIdentifier,
  signs,
  signsCertificates,
  type Parts,
} from "./write-certificate.js";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const { n: modulus = "" } = rsa.publicKey.export({ format: "jwk" });

function rsaKey(
  exponent: string,
  algorithm = "06092a864886f70d010101 0500",
  more: Buffer = none,
): Buffer {
  const number = Buffer.concat([hex("00"), Buffer.from(modulus, "base64url")]);
  const key = der(0x30, der(0x02, number), der(0x02, hex(exponent)), more);
  return der(0x30, der(0x30, hex(algorithm)), der(0x03, "\0", key));
}

const rsaSha256 = hex("300d06092a864886f70d01010b0500");

function ecKey(namedCurve: string, paramEncoding: "named" | "explicit" = "named"): Buffer {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve, paramEncoding });
  return publicKey.export({ type: "spki", format: "der" });
}

const point = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({
  format: "jwk",
});
const [x, y] = [point.x, point.y].map((text) => Buffer.from(text ?? "", "base64url"));
const parity = (y?.at(-1) ?? 0) & 1;

function p256Key(...content: (Buffer | undefined)[]): Buffer {
  const algorithm = hex("301306072a8648ce3d020106082a8648ce3d030107");
  return der(0x30, algorithm, der(0x03, ...content.map((part) => part ?? none)));
}

const utc = (text: string): Buffer => der(0x17, text);
const generalized = (text: string): Buffer => der(0x18, text);
const policies = (...contents: Buffer[]): Parts => ({
  extensions: [...leafExtensions, extension("551d20", none, der(0x30, ...contents))],
});
const anyPolicy = der(0x30, objectIdentifier("551d2000"));

describe("a certificate is read", () => {
  test.each<[string, Parts]>([
    ["with a serial number of 20 bytes", { serialNumber: der(0x02, hex("7f".repeat(20))) }],
    [
      "valid from 1999 to 2049",
      { notBefore: utc("990101000000Z"), notAfter: utc("491231235959Z") },
    ],
    [
      "valid from 1950 to 9999",
      { notBefore: utc("500101000000Z"), notAfter: generalized("99991231235959Z") },
    ],
    ["valid until a leap day", { notAfter: utc("280229000000Z") }],
    ["with a key of RSA", { key: rsaKey("010001") }],
    ["with a key of P-521", { key: ecKey("P-521") }],
    [
      "without a subject, for a critical name",
      {
        subject: der(0x30),
        extensions: [noCa, signs, extension("551d11", isCritical, der(0x30, dns(host)))],
      },
    ],
    ["with a critical list of policies", policies(anyPolicy)],
    [
      "with several attributes in a part of its name, in order",
      {
        subject: der(
          0x30,
          der(
            0x31,
            ...["550403", "550406"].map((id) => der(0x30, objectIdentifier(id), der(0x13, "DE"))),
          ),
        ),
      },
    ],
  ])("%s", (_what, leaf) => {
    expect(verdict(chainOf({ leaf }))).toBe("accepted");
  });
});

const structure: [string, Parts, RegExp][] = [
  ["version 1 that is written", { version: hex("a003020100") }, /version 1, not 3/u],
  ["version 2", { version: hex("a003020101") }, /version 2, not 3/u],
  ["version 4", { version: hex("a003020103") }, /version 4, not 3/u],
  ["version 3 in two bytes", { version: hex("a00402020002") }, /not from 0 to 127/u],
  ["two versions", { version: hex("a006020102020102") }, /not exactly one DER value/u],
  ["extensions in version 1", { version: none }, /extensions in a certificate of version 1/u],
  ["the serial number 0", { serialNumber: hex("020100") }, /serial number/u],
  ["a negative serial number", { serialNumber: hex("020180") }, /serial number/u],
  [
    "a serial number of 21 bytes",
    { serialNumber: der(0x02, hex("7f".repeat(21))) },
    /serial number/u,
  ],
  ["a serial number with a zero too many", { serialNumber: hex("0202007f") }, /more bytes than/u],
  [
    "a negative serial number in too many bytes",
    { serialNumber: hex("0202ff80") },
    /more bytes than/u,
  ],
  ["a serial number of no bytes", { serialNumber: hex("0200") }, /of no bytes/u],
  ["no serial number", { serialNumber: none }, /of tag 48 in place of 2/u],
  [
    "different algorithms inside and outside of the signed part",
    { outerAlgorithm: hex("300a06082a8648ce3d040303") },
    /two different/u,
  ],
  [
    "parameters of ECDSA outside of the signed part only",
    { outerAlgorithm: hex("300c06082a8648ce3d0403020500") },
    /two different/u,
  ],
  ["parameters of ECDSA", { algorithm: hex("300c06082a8648ce3d0403020500") }, /not relied on/u],
  [
    "ECDSA with SHA-1",
    { algorithm: hex("300906072a8648ce3d0401"), hash: "sha1" },
    /not relied on/u,
  ],
  ["a subject of an empty set", { subject: hex("30023100") }, /empty list/u],
  [
    "a set in the subject that is not sorted",
    {
      subject: der(
        0x30,
        der(
          0x31,
          ...["550406", "550403"].map((id) => der(0x30, objectIdentifier(id), der(0x13, "DE"))),
        ),
      ),
    },
    /DER's order/u,
  ],
  [
    "the same attribute twice in a set",
    {
      subject: der(
        0x30,
        der(
          0x31,
          ...["550406", "550406"].map((id) => der(0x30, objectIdentifier(id), der(0x13, "DE"))),
        ),
      ),
    },
    /DER's order/u,
  ],
  [
    "an attribute of three parts",
    {
      subject: der(
        0x30,
        der(0x31, der(0x30, objectIdentifier("550403"), der(0x0c, "a"), der(0x0c, "b"))),
      ),
    },
    /does not belong/u,
  ],
  [
    "an attribute of one part",
    { subject: der(0x30, der(0x31, der(0x30, objectIdentifier("550403")))) },
    /too short/u,
  ],
  [
    "a truncated string in an attribute",
    { subject: hex("300c310a30080603550403 0c0561") },
    /cut off/u,
  ],
  ["UTCTime without seconds", { notAfter: utc("2701010000Z") }, /neither YYMMDD/u],
  ["UTCTime with an offset", { notAfter: utc("270101000000+0000") }, /neither YYMMDD/u],
  ["UTCTime without Z", { notAfter: utc("270101000000") }, /neither YYMMDD/u],
  ["UTCTime with a line's end", { notAfter: utc("270101000000Z\n") }, /neither YYMMDD/u],
  [
    "GeneralizedTime with a fraction",
    { notAfter: generalized("20510101000000.5Z") },
    /neither YYMMDD/u,
  ],
  [
    "GeneralizedTime with an offset",
    { notAfter: generalized("20510101000000+0100") },
    /neither YYMMDD/u,
  ],
  [
    "GeneralizedTime without seconds",
    { notAfter: generalized("205101010000Z") },
    /neither YYMMDD/u,
  ],
  [
    "GeneralizedTime with a year of two digits",
    { notAfter: generalized("510101000000Z") },
    /neither YYMMDD/u,
  ],
  ["UTCTime of four digits a year", { notAfter: utc("20510101000000Z") }, /neither YYMMDD/u],
  ["GeneralizedTime before 2050", { notAfter: generalized("20491231235959Z") }, /before 2050/u],
  [
    "a start before 2050 in GeneralizedTime",
    { notBefore: generalized("20260101000000Z") },
    /before 2050/u,
  ],
  ["a day that does not exist", { notAfter: utc("270230000000Z") }, /does not exist/u],
  ["29 February of no leap year", { notAfter: utc("270229000000Z") }, /does not exist/u],
  ["month 13", { notAfter: utc("271301000000Z") }, /does not exist/u],
  ["hour 24", { notAfter: utc("270101240000Z") }, /does not exist/u],
  ["second 60", { notAfter: utc("270101000060Z") }, /does not exist/u],
  [
    "an end before its start",
    { notBefore: utc("270101000000Z"), notAfter: utc("260101000000Z") },
    /ends before it begins/u,
  ],
  ["an end and no beginning", { validity: der(0x30, utc("270101000000Z")) }, /too short/u],
  [
    "three times",
    { validity: der(0x30, ...["250101000000Z", "260101000000Z", "270101000000Z"].map(utc)) },
    /does not belong/u,
  ],
  ["a time of another type", { notAfter: der(0x13, "270101000000Z") }, /neither YYMMDD/u],
  ["P-256 with explicit parameters", { key: ecKey("P-256", "explicit") }, /weak key/u],
  ["P-224", { key: ecKey("secp224r1") }, /weak key/u],
  ["secp256k1", { key: ecKey("secp256k1") }, /weak key/u],
  [
    "Ed25519",
    { key: generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "der" }) },
    /weak key/u,
  ],
  [
    "a point in compressed form",
    { key: p256Key(hex(`000${2 + parity}`), x) },
    /uncompressed form/u,
  ],
  ["a point in hybrid form", { key: p256Key(hex(`000${6 + parity}`), x, y) }, /uncompressed form/u],
  [
    "a point with one byte too many",
    { key: p256Key(hex("0004"), x, y, hex("00")) },
    /uncompressed form/u,
  ],
  ["a point that is on no curve", { key: p256Key(hex("0004"), x, x) }, /no certificate/u],
  [
    "a key that does not end at a byte boundary",
    { key: p256Key(hex("0104"), x, y?.map((byte) => byte & 0xfe) as Buffer) },
    /whole bytes/u,
  ],
  [
    "RSA of 1,024 bits",
    {
      key: generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({
        type: "spki",
        format: "der",
      }),
    },
    /weak key/u,
  ],
  ["RSA with the exponent 1", { key: rsaKey("01") }, /weak key/u],
  ["RSA with the exponent 3", { key: rsaKey("03") }, /weak key/u],
  ["RSA with an even exponent", { key: rsaKey("010002") }, /weak key/u],
  ["RSA with an exponent of 33 bytes", { key: rsaKey(`01${"00".repeat(31)}01`) }, /weak key/u],
  ["RSA with a negative exponent", { key: rsaKey("81") }, /is negative/u],
  ["RSA with a padded exponent", { key: rsaKey("00010001") }, /more bytes than/u],
  [
    "RSA with a third number",
    { key: rsaKey("010001", undefined, hex("020101")) },
    /does not belong/u,
  ],
  [
    "bytes after the key",
    { key: der(0x30, ecKey("P-256").subarray(2), hex("0500")) },
    /does not belong/u,
  ],
  ["RSA without NULL", { key: rsaKey("010001", "06092a864886f70d010101") }, /weak key/u],
  [
    "a key restricted to RSASSA-PSS",
    { key: rsaKey("010001", "06092a864886f70d01010a") },
    /weak key/u,
  ],
  ["a unique identifier of its issuer", { identifiers: hex("81020055") }, /does not belong/u],
  ["a unique identifier of its subject", { identifiers: hex("82020055") }, /does not belong/u],
  ["a field after the extensions", { more: hex("0500") }, /does not belong/u],
  ["extensions twice", { more: der(0xa3, der(0x30, noCa)) }, /does not belong/u],
  ["an empty list of extensions", { extensionsField: hex("a3023000") }, /empty list/u],
  [
    "two lists of extensions",
    { extensionsField: der(0xa3, der(0x30, noCa), der(0x30, signs)) },
    /not exactly one/u,
  ],
];

describe("a leaf and an authority are refused with", () => {
  test.each(structure)("%s", (_what, parts, reason) => {
    expect(verdict(chainOf({ leaf: parts }))).toMatch(reason);
    // An authority that signs with another key than its certificate's is refused because of the signature.
    const authorityReason =
      parts.key === undefined ? reason : /weak key|not issued|no certificate/u;
    expect(verdict(chainOf({ authority: parts }))).toMatch(authorityReason);
  });

  test("no extensions, of version 1 or 3", () => {
    for (const version of [none, undefined]) {
      const parts = { extensionsField: none, ...(version === undefined ? {} : { version }) };
      expect(verdict(chainOf({ leaf: parts }))).toMatch(/not for/u);
      expect(verdict(chainOf({ authority: parts }))).toMatch(/not issued by/u);
    }
  });

  test("no subject, or no issuer", () => {
    const nameless = { subject: der(0x30) };
    expect(verdict(chainOf({ leaf: nameless }))).toMatch(/holder has no name/u);
    const critical = extension("551d11", isCritical, der(0x30, dns("ca.example")));
    const extensions = [...authorityExtensions, critical];
    expect(verdict(chainOf({ authority: { ...nameless, extensions } }))).toMatch(
      /issuer has no name/u,
    );
  });

  test.each<[string, ReturnType<typeof generateKeyPairSync>]>([
    ["RSA of 1,024 bits", generateKeyPairSync("rsa", { modulusLength: 1024 })],
    ["secp256k1", generateKeyPairSync("ec", { namedCurve: "secp256k1" })],
    [
      "P-256 with explicit parameters",
      generateKeyPairSync("ec", { namedCurve: "P-256", paramEncoding: "explicit" }),
    ],
  ])("%s as an authority's key", (_what, keys) => {
    const algorithm = keys.publicKey.asymmetricKeyType === "rsa" ? rsaSha256 : ecdsaSha256;
    expect(verdict(chainOf({ authority: { keys }, leaf: { algorithm } }))).toMatch(/weak key/u);
  });
});

describe("a certificate is refused if it is encoded", () => {
  const [leaf = none, authority = none] = chainOf({});
  const content = leaf.subarray(4);
  // TBSCertificate: a tag, one byte that announces two bytes of length, these, and the content.
  const signed = content.subarray(0, 4 + content.readUInt16BE(2));
  test.each<[string, Buffer, RegExp]>([
    ["with a byte behind it", Buffer.concat([leaf, hex("00")]), /cut off/u],
    ["with NULL behind it", Buffer.concat([leaf, hex("0500")]), /not exactly one/u],
    ["with itself behind it", Buffer.concat([leaf, leaf]), /not exactly one/u],
    ["with a byte before it", Buffer.concat([hex("00"), leaf]), /no certificate/u],
    [
      "with an indefinite length",
      Buffer.concat([hex("3080"), content, hex("0000")]),
      /length of no use/u,
    ],
    [
      "with a length that takes one byte too many",
      Buffer.concat([hex("308300"), leaf.subarray(2)]),
      /length too long/u,
    ],
    [
      "with a tag of several bytes",
      Buffer.concat([hex("3f30"), leaf.subarray(1)]),
      /tag of several bytes/u,
    ],
    ["with a fourth part", der(0x30, content, hex("0500")), /does not belong/u],
    [
      "with a signature that does not end at a byte boundary",
      der(0x30, signed, ecdsaSha256, der(0x03, hex("0100"))),
      /whole bytes/u,
    ],
    ["as a set", Buffer.concat([hex("31"), leaf.subarray(1)]), /in place of 48/u],
    ["without an end", leaf.subarray(0, -1), /cut off/u],
    ["in no bytes", none, /not exactly one/u],
  ])("%s", (_what, encoded, reason) => {
    expect(verdict([encoded, authority])).toMatch(reason);
  });
});

describe("RSA signatures", () => {
  const authority = { keys: rsa, extensions: [ca, signsCertificates] };
  const algorithm = (last: string, parameters = "0500"): Buffer =>
    der(0x30, objectIdentifier(`2a864886f70d0101${last}`), hex(parameters));

  test("with SHA-256, SHA-384 and SHA-512 are accepted", () => {
    for (const [last, hash] of [
      ["0b", "sha256"],
      ["0c", "sha384"],
      ["0d", "sha512"],
    ] as const) {
      expect(verdict(chainOf({ authority, leaf: { algorithm: algorithm(last), hash } }))).toBe(
        "accepted",
      );
    }
  });

  test.each([
    ["MD5", algorithm("04"), "md5"],
    ["SHA-1", algorithm("05"), "sha1"],
    ["SHA-224", algorithm("0e"), "sha224"],
    ["SHA-256 without NULL", algorithm("0b", ""), "sha256"],
    ["SHA-256 and a sequence for NULL", algorithm("0b", "3000"), "sha256"],
  ])("with %s are refused", (_what, name, hash) => {
    expect(verdict(chainOf({ authority, leaf: { algorithm: name, hash } }))).toMatch(
      /not relied on/u,
    );
  });

  /** RSASSA-PSS-params (RFC 4055, section 3.1); `more` follows the salt's length. */
  const pss = (hash: string, salt: string, parameters: string, more = ""): Buffer => {
    const hashed = der(0x30, objectIdentifier(`6086480165030402${hash}`), hex(parameters));
    const mask = der(0x30, objectIdentifier("2a864886f70d010108"), hashed);
    const length = der(0xa2, hex(`0201${salt}`));
    const whole = der(0x30, der(0xa0, hashed), der(0xa1, mask), length, hex(more));
    return der(0x30, objectIdentifier("2a864886f70d01010a"), whole);
  };

  test.each([
    ["01", "sha256", 32],
    ["02", "sha384", 48],
    ["03", "sha512", 64],
  ])(
    "with RSASSA-PSS and the hash %s are accepted, with NULL parameters and without",
    (id, hash, saltLength) => {
      const salt = saltLength.toString(16);
      for (const parameters of ["0500", ""]) {
        const leaf = { algorithm: pss(id, salt, parameters), hash, saltLength };
        expect(verdict(chainOf({ authority, leaf }))).toBe("accepted");
      }
      for (const other of [pss(id, "14", "0500"), pss(id, salt, "0500", "a303020101")]) {
        const leaf = {
          algorithm: other,
          hash,
          saltLength: other.at(-1) === 0x14 ? 20 : saltLength,
        };
        expect(verdict(chainOf({ authority, leaf }))).toMatch(/not relied on/u);
      }
    },
  );

  test("that are declared as ECDSA are refused", () => {
    expect(verdict(chainOf({ authority, leaf: {} }))).toMatch(/not issued by/u);
  });
});
