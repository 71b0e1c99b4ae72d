import { X509Certificate } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { verifyCertificateChain } from "../../src/crypto/certificate-chain.js";
import { readCertificateFields } from "../../src/crypto/certificate-fields.js";
import { checkIssuer } from "../../src/crypto/certificate-rules.js";
import { der } from "./certify.js";
import { chainOf, now, root, verdict } from "./verify-written.js";
import {
  alternativeNames,
  authorityExtensions,
  basicConstraints,
  ca,
  commonName,
  constraints,
  dns,
  excluded,
  extension,
  forHost,
  hex,
  host,
  leafExtensions,
  noCa,
  none,
  objectIdentifier,
  permitted,
  purposes,
  serverAuth,
  signs,
  signsCertificates,
  write,
  writeAuthority,
  type Parts,
  type Written,
} from "./write-certificate.js";

const directory = (name: Buffer): Buffer => der(0xa4, name);
const address = (digits: string): Buffer => der(0x87, hex(digits));
const email = (text: string): Buffer => der(0x81, text);
const authorityWith = (...added: Buffer[]): Parts => ({
  extensions: [...authorityExtensions, ...added],
});
const leafWith = (...names: Buffer[]): Parts => ({
  extensions: [noCa, signs, serverAuth, alternativeNames(dns(host), ...names)],
});

/** root → upper → lower → leaf. */
function longChain(parts: { upper?: Parts; lower?: Parts; leaf?: Parts }): Buffer[] {
  const upper = writeAuthority("upper", root, parts.upper);
  const lower = writeAuthority("lower", upper, parts.lower);
  return [write("leaf", lower, parts.leaf).der, lower.der, upper.der];
}

describe("name constraints", () => {
  const notCertified = /may not certify/u;
  test.each<[string, Parts, Parts]>([
    ["permit the name", authorityWith(constraints(permitted(dns("example")))), {}],
    ["permit the name in capitals", authorityWith(constraints(permitted(dns("EXAMPLE")))), {}],
    [
      "permit a name in capitals",
      authorityWith(constraints(permitted(dns("example")))),
      leafWith(dns("A.EXAMPLE")),
    ],
    ["exclude a name below it", authorityWith(constraints(excluded(dns(`a.${host}`)))), {}],
    [
      "permit one of two names",
      authorityWith(constraints(permitted(dns("a.example"), dns("hsm.example")))),
      {},
    ],
    [
      "exclude all addresses, but there is none",
      authorityWith(constraints(excluded(address("00".repeat(8)), address("00".repeat(32))))),
      {},
    ],
    [
      "permit an e-mail address, but there is none",
      authorityWith(constraints(permitted(email("a@b.example")))),
      {},
    ],
    [
      "exclude a URI, but there is none",
      authorityWith(constraints(excluded(der(0x86, ".example")))),
      {},
    ],
    [
      "are not critical",
      authorityWith(extension("551d1e", none, der(0x30, permitted(dns("example"))))),
      {},
    ],
    [
      "exclude a name with the same beginning",
      authorityWith(constraints(excluded(dns("vault.hsm")))),
      {},
    ],
    [
      "exclude directory names, but there are none",
      authorityWith(constraints(excluded(directory(commonName("x"))))),
      {
        subject: der(0x30),
        extensions: [noCa, signs, extension("551d11", hex("0101ff"), der(0x30, dns(host)))],
      },
    ],
  ])("%s: accepted", (_what, authority, leaf) => {
    expect(verdict(chainOf({ authority, leaf }))).toBe("accepted");
  });

  test.each<[string, Parts, Parts]>([
    ["exclude all DNS names", authorityWith(constraints(excluded(dns("")))), {}],
    [
      "permit another name, critical or not",
      authorityWith(extension("551d1e", none, der(0x30, permitted(dns("other"))))),
      {},
    ],
    [
      "permit the leaf's directory name",
      authorityWith(constraints(permitted(directory(commonName("leaf"))))),
      {},
    ],
    [
      "exclude another directory name",
      authorityWith(constraints(excluded(directory(commonName("x"))))),
      {},
    ],
    [
      "exclude a directory name among the leaf's alternative names",
      authorityWith(constraints(excluded(directory(commonName("x"))))),
      {
        subject: der(0x30),
        extensions: [
          noCa,
          signs,
          extension("551d11", hex("0101ff"), der(0x30, dns(host), directory(commonName("x")))),
        ],
      },
    ],
    [
      "permit the leaf's address",
      authorityWith(constraints(permitted(address("0a000000ff000000")))),
      leafWith(address("0a000001")),
    ],
    [
      "exclude the leaf's address",
      authorityWith(constraints(excluded(address("0a000000ff000000")))),
      leafWith(address("0a000001")),
    ],
    [
      "apply to e-mail addresses, and the leaf has one",
      authorityWith(constraints(excluded(email("other.example")))),
      leafWith(email("a@b.example")),
    ],
    [
      "apply to e-mail addresses, and the subject has one",
      authorityWith(constraints(excluded(email("other.example")))),
      {
        subject: der(
          0x30,
          der(0x31, der(0x30, objectIdentifier("2a864886f70d010901"), der(0x16, "a@b.example"))),
        ),
      },
    ],
    [
      "apply to URIs, and the leaf has one",
      authorityWith(constraints(excluded(der(0x86, "other.example")))),
      leafWith(der(0x86, "https://a.example")),
    ],
  ])("%s: refused", (_what, authority, leaf) => {
    expect(verdict(chainOf({ authority, leaf }))).toMatch(notCertified);
  });

  test("apply to the names of authorities below, but not to self-issued certificates", () => {
    const upper = authorityWith(constraints(excluded(dns("ca.example"))));
    const named = authorityWith(alternativeNames(dns("a.ca.example")));
    expect(verdict(longChain({ upper, lower: named }))).toMatch(notCertified);
    expect(verdict(longChain({ upper, lower: { ...named, subject: commonName("upper") } }))).toBe(
      "accepted",
    );
    const leaf = { subject: commonName("lower"), ...leafWith(dns("ca.example")) };
    expect(verdict(longChain({ upper, leaf }))).toMatch(notCertified);
  });

  test("of several authorities all apply", () => {
    const upper = authorityWith(constraints(permitted(dns("example"))));
    const lower = authorityWith(constraints(permitted(dns("hsm.example"))));
    expect(verdict(longChain({ upper, lower }))).toBe("accepted");
    const other = authorityWith(constraints(permitted(dns("a.example"))));
    expect(verdict(longChain({ upper, lower: other }))).toMatch(notCertified);
    expect(verdict(longChain({ upper: other, lower }))).toMatch(notCertified);
  });

  test("are refused without a comparison if thousands of them meet thousands of names", () => {
    const many = (count: number): Buffer[] =>
      Array.from({ length: count }, (_, index) => dns(`n${index}.example`));
    const chain = (count: number): Buffer[] =>
      chainOf({
        authority: authorityWith(constraints(excluded(...many(count)))),
        leaf: leafWith(...many(600).map((_, index) => dns(`m${index}.example`))),
      });
    expect(verdict(chain(400))).toBe("accepted");
    expect(verdict(chain(450))).toMatch(/602 names under 450/u);
  });
});

describe("an authority", () => {
  test.each<[string, Parts, string | RegExp]>([
    ["without a key usage is one by its mark", { extensions: [ca] }, "accepted"],
    [
      "with a key identifier may issue a leaf that names none",
      authorityWith(extension("551d0e", none, hex("04020102"))),
      "accepted",
    ],
    [
      "whose basic constraints are not critical is not accepted",
      { extensions: [basicConstraints(hex("30030101ff"), none), signsCertificates] },
      /not critical/u,
    ],
    [
      "without basic constraints is not accepted",
      { extensions: [signsCertificates] },
      /not issued by/u,
    ],
    [
      "that declares not to be a CA is not accepted",
      { extensions: [noCa, signsCertificates] },
      /not issued by/u,
    ],
    [
      "that may not sign certificates is not accepted",
      { extensions: [ca, signs] },
      /not issued by/u,
    ],
    ["for servers may issue leaves for servers", authorityWith(serverAuth), "accepted"],
    [
      "for signing code is not accepted",
      authorityWith(purposes("2b06010505070303")),
      /issuer that is for other/u,
    ],
    [
      "with a path length below 0 is not accepted",
      { extensions: [basicConstraints(hex("30060101ff0201ff")), signsCertificates] },
      /from 0 to 127/u,
    ],
    [
      "with a path length of two bytes is not accepted",
      { extensions: [basicConstraints(hex("30070101ff02020000")), signsCertificates] },
      /from 0 to 127/u,
    ],
  ])("%s", (_what, authority, expected) => {
    if (typeof expected === "string") expect(verdict(chainOf({ authority }))).toBe(expected);
    else expect(verdict(chainOf({ authority }))).toMatch(expected);
  });

  test("that may not sign certificates is not accepted by our reader either", () => {
    const [leaf, issuer] = chainOf({ authority: { extensions: [ca, signs] } }).map(
      readCertificateFields,
    );
    if (leaf === undefined || issuer === undefined) throw new Error("no chain");
    expect(() => {
      checkIssuer(issuer, [leaf]);
    }).toThrow(/not for certificates/u);
  });

  test("cannot issue a leaf for other purposes than TLS servers, whatever its own purposes are", () => {
    const leaf = { extensions: [noCa, signs, purposes("2b06010505070302"), forHost] };
    expect(verdict(chainOf({ authority: authorityWith(serverAuth), leaf }))).toMatch(
      /leaf that is for other/u,
    );
  });

  test("is the one with the key identifier that the leaf names", () => {
    const identified = authorityWith(extension("551d0e", none, hex("04020102")));
    const said = (id: string): Parts => ({
      extensions: [...leafExtensions, extension("551d23", none, hex(`3004 8002 ${id}`))],
    });
    expect(verdict(chainOf({ authority: identified, leaf: said("0102") }))).toBe("accepted");
    expect(verdict(chainOf({ authority: identified, leaf: said("0103") }))).toMatch(
      /not issued by/u,
    );
  });

  test("has the leaf's issuer name, byte by byte", () => {
    for (const issuer of [
      commonName("Authority"),
      commonName("authority", 0x13),
      commonName(" authority "),
      der(0x30),
    ]) {
      expect(verdict(chainOf({ leaf: { issuer } }))).toMatch(/not issued by/u);
    }
    expect(verdict(chainOf({ leaf: { issuer: commonName("authority") } }))).toBe("accepted");
    const [leaf = none, authority = none] = chainOf({ authority: { issuer: commonName("ROOT") } });
    expect(verdict([leaf, authority])).toMatch(/trusted root/u);
  });

  test("may have as many authorities below it as its path length, not counting self-issued ones", () => {
    const length = (most: string): Parts => ({
      extensions: [basicConstraints(hex(`30060101ff0201${most}`)), signsCertificates],
    });
    expect(verdict(longChain({ upper: length("01") }))).toBe("accepted");
    expect(verdict(longChain({ upper: length("00") }))).toMatch(/longer than/u);
    expect(
      verdict(longChain({ upper: length("00"), lower: { subject: commonName("upper") } })),
    ).toBe("accepted");
  });
});

describe("a chain", () => {
  const upper = writeAuthority("upper", root);
  const leafOf = (issuer: Written): Buffer => write("leaf", issuer).der;

  test("must not contain a certificate twice, with or without the root", () => {
    expect(verdict([leafOf(upper), upper.der, root.der])).toBe("accepted");
    expect(verdict([leafOf(upper), upper.der, root.der, root.der])).toMatch(/comes twice/u);
    expect(verdict([root.der, root.der])).not.toBe("accepted");
  });

  test("must not contain authorities that certify one another in a loop", () => {
    const keysOf = (of: Written, name: string, issuer: Written): Written => ({
      ...writeAuthority(name, issuer, { key: of.key }),
      privateKey: of.privateKey,
    });
    const other = writeAuthority("other", root);
    const upperByOther = keysOf(upper, "upper", other);
    const otherByUpper = keysOf(other, "other", upper);
    expect(verdict([leafOf(upper), upperByOther.der, other.der])).toBe("accepted");
    expect(verdict([leafOf(upper), upperByOther.der, otherByUpper.der, upper.der])).toMatch(
      /comes twice/u,
    );
    expect(verdict([leafOf(upper), upperByOther.der, otherByUpper.der])).toMatch(
      /comes twice|not end in/u,
    );
  });

  test("must contain all certificates in order up to a trusted root", () => {
    const [leaf = none, lower = none, above = none] = longChain({});
    expect(verdict([leaf, lower, above])).toBe("accepted");
    for (const chain of [
      [leaf, above, lower],
      [lower, leaf, above],
      [leaf, above],
      [leaf, lower],
      [leaf],
      [],
    ]) {
      expect(verdict(chain)).not.toBe("accepted");
    }
    expect(verdict([leaf, lower, above], [writeAuthority("root", undefined)])).toMatch(
      /trusted root/u,
    );
  });

  test("must contain more than a trusted root, even one for the host", () => {
    const alone = write("alone", undefined);
    expect(verdict([alone.der], [alone])).toMatch(/trusted root/u);
  });

  test("may end in any of several roots of the same name, if that root signed it", () => {
    const namesake = writeAuthority("root", undefined);
    expect(verdict(chainOf({}), [namesake, root])).toBe("accepted");
  });

  test("under a root that cannot be read is refused with that reason", () => {
    const sloppy = writeAuthority(
      "sloppy",
      undefined,
      authorityWith(extension("2a0304", hex("010100"), hex("0500"))),
    );
    expect(verdict([leafOf(sloppy)], [sloppy])).toMatch(
      /a trusted root that is no certificate <- a default value/u,
    );
  });

  test("under a root with an unknown critical extension is refused", () => {
    const strange = writeAuthority(
      "strange",
      undefined,
      authorityWith(extension("2a0304", hex("0101ff"), hex("0500"))),
    );
    for (const chain of [[leafOf(strange)], [leafOf(strange), strange.der]]) {
      expect(verdict(chain, [strange])).toMatch(/not known: 1\.2\.3\.4/u);
    }
  });

  test("under a trusted root that breaks rules for other certificates is accepted", () => {
    const old = writeAuthority("old", undefined, {
      serialNumber: hex("020100"),
      notAfter: der(0x18, "20461006083956Z"),
      extensions: [
        basicConstraints(hex("30030101ff"), none),
        extension("551d0f", none, hex("03020006")),
      ],
    });
    for (const chain of [[leafOf(old)], [leafOf(old), old.der]]) {
      expect(verdict(chain, [old])).toBe("accepted");
      expect(verdict(chain, [root])).toMatch(/trusted root/u);
    }
  });

  test("is valid from the first to the last second of each of its certificates", () => {
    const [leaf = none, authority = none] = chainOf({});
    const at = (time: string): void => {
      verifyCertificateChain([leaf, authority], {
        trustedRoots: [new X509Certificate(root.der)],
        host,
        now: new Date(time),
      });
    };
    for (const time of ["2026-01-01T00:00:00Z", now.toISOString(), "2027-01-01T00:00:00Z"]) {
      expect(() => {
        at(time);
      }).not.toThrow();
    }
    for (const time of ["2025-12-31T23:59:59Z", "2027-01-01T00:00:01Z", "no time"]) {
      expect(() => {
        at(time);
      }).toThrow(/(?:not yet|no longer) valid/u);
    }
  });
});
