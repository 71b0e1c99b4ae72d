import "reflect-metadata";
import { X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { ExtendedKeyUsageExtension, Extension, KeyUsageFlags } from "@peculiar/x509";
import { verifyCertificateChain } from "../../src/crypto/certificate-chain.js";
import { readCertificateFields } from "../../src/crypto/certificate-fields.js";
import { bytes, hexVectors } from "../helpers/vectors.js";
import {
  certify,
  der,
  nameConstraints,
  p256,
  rsa,
  type Certified,
  type Wishes,
} from "./certify.js";

const host = "vault.hsm.example";
const serverAuth = "1.3.6.1.5.5.7.3.1";
const clientAuth = "1.3.6.1.5.5.7.3.2";
const anyPurpose = "2.5.29.37.0";
const authorityUsage = KeyUsageFlags.keyCertSign;

let root: Certified;

beforeAll(async () => {
  root = await certify("root", undefined, { ca: true, usage: authorityUsage });
});

function verify(chain: Certified[], trusted = root, forHost = host): void {
  verifyCertificateChain(
    chain.map(({ der: bytes }) => bytes),
    {
      trustedRoots: [new X509Certificate(trusted.der)],
      host: forHost,
      now: new Date("2026-06-01"),
    },
  );
}

/** Root → intermediates, the uppermost first → leaf. The chain is in the order of `x5c`, without the root. */
async function chain(
  authorities: Wishes[],
  leaf: Wishes = {},
  anchor = root,
): Promise<Certified[]> {
  const made: Certified[] = [];
  let issuer = anchor;
  for (const [index, wishes] of authorities.entries()) {
    issuer = await certify(`authority ${index}`, issuer, { ca: true, ...wishes });
    made.unshift(issuer);
  }
  return [await certify("leaf", issuer, { names: [host], ...leaf }), ...made];
}

function eku(...purposes: string[]): Extension[] {
  return [new ExtendedKeyUsageExtension(purposes)];
}

describe("a chain is accepted", () => {
  test.each<[string, Wishes[], Wishes]>([
    [
      "with the extensions of public chains",
      [{ usage: authorityUsage, pathLength: 0, extensions: eku(serverAuth, clientAuth) }],
      { usage: KeyUsageFlags.digitalSignature, extensions: eku(serverAuth, clientAuth) },
    ],
    ["for any purpose", [{ extensions: eku(anyPurpose) }], { extensions: eku(anyPurpose) }],
    [
      "with as many authorities as each allows",
      [{ pathLength: 2 }, { pathLength: 1 }, { pathLength: 0 }],
      {},
    ],
    [
      "with RSA of 2,048 bits and SHA-512",
      [{ algorithm: rsa(2048) }],
      { hash: "SHA-512", algorithm: rsa(2048) },
    ],
    ["with SHA-384", [{}], { hash: "SHA-384" }],
    ["with RSASSA-PSS", [{ algorithm: rsa(2048, "RSA-PSS") }], {}],
    ["on P-384", [{ algorithm: { ...p256, namedCurve: "P-384" } }], {}],
    [
      "with a name below one that an authority may certify",
      [{ extensions: [nameConstraints(["example"], ["other.example"])] }],
      {},
    ],
    [
      "with exactly the name that an authority may certify",
      [{ extensions: [nameConstraints([host])] }],
      {},
    ],
    [
      "with an unknown extension that is not critical",
      [{ extensions: [new Extension("1.2.3.4", false, der(0x05))] }],
      {},
    ],
    [
      "with certificate policies",
      [
        {
          extensions: [
            new Extension(
              "2.5.29.32",
              true,
              der(0x30, der(0x30, der(0x06, Buffer.from("551d2000", "hex")))),
            ),
          ],
        },
      ],
      {},
    ],
  ])("%s", async (_what, authorities, leaf) => {
    const made = await chain(authorities, leaf);
    expect(() => {
      verify(made);
    }).not.toThrow();
  });

  test("with a self-issued authority below one whose path length is 0", async () => {
    const upper = await certify("same", root, { ca: true, pathLength: 0 });
    const renewed = await certify("same", upper, { ca: true, pathLength: 0 });
    const leaf = await certify("leaf", renewed, { names: [host] });
    expect(() => {
      verify([leaf, renewed, upper]);
    }).not.toThrow();
  });
});

describe("a chain is refused", () => {
  const sha1 = /an algorithm that is not relied on/u;
  const weak = /a weak key/u;
  const length = /longer than an issuer allows/u;
  const purpose = /for other purposes/u;
  const names = /names that an issuer may not certify/u;
  const unknown = /a critical extension that is not known: 1\.2\.3\.4/u;
  const stranger = [new Extension("1.2.3.4", true, der(0x05))];
  const directory = der(0x30, der(0xa0, der(0x30, der(0xa4, der(0x30)))));

  test.each<[string, Wishes[], Wishes, RegExp]>([
    ["a leaf signed with SHA-1", [{}], { hash: "SHA-1" }, sha1],
    ["an authority signed with SHA-1", [{ hash: "SHA-1" }], {}, sha1],
    [
      "a leaf signed with RSASSA-PSS and SHA-1",
      [{ algorithm: { ...rsa(2048, "RSA-PSS"), hash: "SHA-1" } }],
      { hash: "SHA-1" },
      sha1,
    ],
    ["a leaf with RSA of 1,024 bits", [{}], { algorithm: rsa(1024) }, weak],
    ["an authority with RSA of 1,024 bits", [{ algorithm: rsa(1024) }], {}, weak],
    ["one authority too many", [{ pathLength: 0 }, {}], {}, length],
    ["one authority too many further down", [{ pathLength: 1 }, {}, {}], {}, length],
    [
      "a leaf whose key is for encryption only",
      [],
      { usage: KeyUsageFlags.keyEncipherment },
      /not for signatures/u,
    ],
    ["a leaf for clients only", [], { extensions: eku(clientAuth) }, purpose],
    ["an authority for clients only", [{ extensions: eku(clientAuth) }], {}, purpose],
    ["an unknown critical extension in the leaf", [], { extensions: stranger }, unknown],
    ["an unknown critical extension in an authority", [{ extensions: stranger }], {}, unknown],
    [
      "an unknown critical extension whose identifier looks like text",
      [{ extensions: [new Extension(`1.2.3.${"9876543210.".repeat(8)}1`, true, der(0x05))] }],
      {},
      /not known: an OID of 95 characters/u,
    ],
    [
      "policy constraints",
      [{ extensions: [new Extension("2.5.29.36", true, der(0x30, der(0x80, Buffer.from([0]))))] }],
      {},
      /not known: 2\.5\.29\.36/u,
    ],
    [
      "a name outside those permitted",
      [{ extensions: [nameConstraints(["other.example"])] }],
      {},
      names,
    ],
    [
      "a name that has a permitted one as its suffix, but not at a dot",
      [{ extensions: [nameConstraints(["sm.example"])] }],
      {},
      names,
    ],
    [
      "a domain of which only subdomains are permitted",
      [{ extensions: [nameConstraints([`.${host}`])] }],
      {},
      names,
    ],
    ["an excluded name", [{ extensions: [nameConstraints([], ["hsm.example"])] }], {}, names],
    [
      "an excluded name in capitals",
      [{ extensions: [nameConstraints([], ["HSM.Example"])] }],
      {},
      names,
    ],
    [
      "one excluded name among others",
      [{ extensions: [nameConstraints([], ["b.example"])] }],
      { names: [host, "a.b.example"] },
      names,
    ],
    [
      "a wildcard that covers an excluded name",
      [{ extensions: [nameConstraints([], ["a.hsm.example"])] }],
      { names: ["*.hsm.example"] },
      names,
    ],
    [
      "a wildcard that covers more than is permitted",
      [{ extensions: [nameConstraints([host])] }],
      { names: ["*.hsm.example"] },
      names,
    ],
    [
      "name constraints that cannot be evaluated",
      [{ extensions: [new Extension("2.5.29.30", true, directory)] }],
      {},
      names,
    ],
    [
      "a constrained name of another form",
      [
        {
          extensions: [
            new Extension(
              "2.5.29.30",
              true,
              der(0x30, der(0xa0, der(0x30, der(0x87, Buffer.alloc(8))))),
            ),
          ],
        },
      ],
      { otherNames: [{ type: "ip", value: "10.0.0.1" }] },
      names,
    ],
    [
      "constraints of an authority further up",
      [{ extensions: [nameConstraints(["other.example"])] }, {}],
      {},
      names,
    ],
  ])("with %s", async (_what, authorities, leaf, reason) => {
    const made = await chain(authorities, leaf);
    expect(() => {
      verify(made);
    }).toThrow(reason);
  });

  test.each<[string, Wishes, Wishes[], RegExp]>([
    ["more authorities than the trusted root allows", { pathLength: 0 }, [{}], length],
    [
      "names that the trusted root excludes",
      { extensions: [nameConstraints([], ["example"])] },
      [],
      names,
    ],
    ["a trusted root for clients only", { extensions: eku(clientAuth) }, [], purpose],
  ])(
    "with %s, whether or not the root is in the chain",
    async (_what, wishes, authorities, reason) => {
      const anchor = await certify("anchor", undefined, { ca: true, ...wishes });
      const made = await chain(authorities, {}, anchor);
      for (const whole of [made, [...made, anchor]]) {
        expect(() => {
          verify(whole, anchor);
        }).toThrow(reason);
      }
    },
  );

  test("for a host that is covered only by a wildcard within a label", async () => {
    const made = await chain([], { names: ["va*.hsm.example"] });
    expect(() => {
      verify(made);
    }).toThrow(`not for ${host}`);
  });

  test("of more than eight certificates", async () => {
    const made = await chain(Array.from({ length: 8 }, () => ({})));
    expect(() => {
      verify(made);
    }).toThrow("a chain of 9 certificates");
  });

  test("with bytes after a certificate", async () => {
    const [leaf] = await chain([]);
    if (leaf === undefined) throw new Error("no leaf");
    expect(() => {
      verify([{ ...leaf, der: Buffer.concat([leaf.der, Buffer.from([0])]) }]);
    }).toThrow("no certificate");
    expect(() => {
      verify([{ ...leaf, der: Buffer.concat([leaf.der, leaf.der]) }]);
    }).toThrow("no certificate");
  });

  test("with the same extension twice", async () => {
    const twice = [
      new Extension("1.2.3.5", false, der(0x05)),
      new Extension("1.2.3.5", false, der(0x05)),
    ];
    const made = await chain([], { extensions: twice });
    expect(() => {
      verify(made);
    }).toThrow("no certificate");
  });
});

describe("properties of a certificate that Node does not report:", () => {
  test("RSASSA-PSS without a hash means SHA-1, which is not secure", () => {
    const [vector = {}] = hexVectors("rsassa-pss-defaults.json");
    expect(readCertificateFields(bytes(vector, "der")).signatureHash).toBeUndefined();
  });

  test("they can be read from every root that Node trusts", () => {
    expect(rootCertificates.length).toBeGreaterThan(100);
    const usages = rootCertificates.map(
      (pem) => readCertificateFields(new X509Certificate(pem).raw).keyUsage,
    );
    // The rules for public roots require a critical extension; a few old roots have none.
    expect(usages.filter((usage) => usage?.keyCertSign === false)).toEqual([]);
    expect(usages.filter((usage) => usage?.keyCertSign === true).length).toBeGreaterThan(100);
  });
});
