import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509CertificateGenerator,
  cryptoProvider,
} from "@peculiar/x509";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { roles, verifyChain, type TrustedRoot } from "../../../client/quote/certificate-chain.js";

cryptoProvider.set(webcrypto);
const now = new Date("2026-06-01Z");
const current = { notBefore: new Date("2026-01-01Z"), notAfter: new Date("2027-01-01Z") };
const past = { notBefore: new Date("2025-01-01Z"), notAfter: new Date("2026-01-01Z") };

interface Issued {
  pem: string;
  name: string;
  keys: webcrypto.CryptoKeyPair;
}
interface Change {
  name?: string;
  issuerName?: string;
  isCa?: boolean;
  validity?: typeof current;
  hash?: string;
  extension?: Extension;
}

const caUsage = new Extension("2.5.29.15", true, Uint8Array.of(3, 2, 1, 6));

async function issue(
  issuer: Issued | undefined,
  isCaByRole: boolean,
  change: Change,
): Promise<Issued> {
  const { name = "", isCa = isCaByRole, validity = current, hash = "SHA-256", extension } = change;
  const ecdsa = { name: "ECDSA", namedCurve: "P-256", hash };
  const keys = await webcrypto.subtle.generateKey(ecdsa, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: `CN=${change.issuerName ?? issuer?.name ?? name}`,
    ...validity,
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: ecdsa,
    extensions: [
      new BasicConstraintsExtension(isCa, undefined, true),
      isCa ? caUsage : new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      ...(extension === undefined ? [] : [extension]),
    ],
  });
  return { pem: `${certificate.toString("pem")}\n`, name, keys };
}

const [ca, pck] = ["Intel SGX PCK Platform CA", "Intel SGX PCK Certificate"];
let root: Issued;
let roots: TrustedRoot[];
beforeAll(async () => {
  root = await issue(undefined, true, { name: "a root" });
  const certificate = Buffer.from(root.pem.replaceAll(/-----.*-----/gu, ""), "base64");
  roots = [{ certificate, emulated: true }];
});

async function chainWith(leafChange: Change, caChange: Change = {}): Promise<string> {
  const authority = await issue(root, true, { name: ca, ...caChange });
  const leaf = await issue(authority, false, { name: pck, ...leafChange });
  return leaf.pem + authority.pem + root.pem;
}

const verify = (pem: string): ReturnType<typeof verifyChain> =>
  verifyChain(pem, { name: "a chain", roles: [roles.pck, roles.pckCa], roots, now });

describe("verifyChain", () => {
  test("accepts a chain whose certificates have their roles", async () => {
    const { certificates, trusted } = await verify(await chainWith({}));
    expect(certificates.map(({ commonName }) => commonName)).toEqual([pck, ca]);
    expect(trusted).toBe(roots[0]);
  });

  test.each<[string, Change, Change]>([
    ["a leaf that has expired", { validity: past }, {}],
    ["a CA that has expired", {}, { validity: past }],
    ["a leaf with another name", { name: "Intel SGX TCB Signing" }, {}],
    ["a CA with another name", {}, { name: "Another CA" }],
    ["a leaf that is a CA", { isCa: true }, {}],
    ["a CA that may not certify", {}, { isCa: false }],
    ["a leaf of another issuer's name", { issuerName: "Another CA" }, {}],
    ["a CA of another issuer's name", {}, { issuerName: "another root" }],
    ["a signature with SHA-384", { hash: "SHA-384" }, {}],
    [
      "an unknown critical extension",
      { extension: new Extension("1.2.3", true, Uint8Array.of(5, 0)) },
      {},
    ],
  ])("refuses %s", async (_, leaf, authority) => {
    await expect(verify(await chainWith(leaf, authority))).rejects.toMatchObject({
      code: "CERTIFICATE_INVALID",
    });
  });

  test("refuses certificates in another order, too few, too many, and other text", async () => {
    const pem = await chainWith({});
    const [first = "", second = ""] = pem.split(/(?<=END CERTIFICATE-----\n)/u);
    for (const text of [
      "",
      root.pem,
      first + root.pem,
      second + first + root.pem,
      first + second + second + root.pem,
      `text\n${pem}`,
      `${pem}text`,
      pem.replace("CERTIFICATE", "X509 CRL"),
      pem.replace("\n", "\n "),
    ]) {
      await expect(verify(text)).rejects.toMatchObject({ code: "CERTIFICATE_INVALID" });
    }
  });

  test("refuses another root, also one with the name and another key", async () => {
    const impostor = await issue(undefined, true, { name: "a root" });
    const authority = await issue(impostor, true, { name: ca });
    const leaf = await issue(authority, false, { name: pck });
    await expect(verify(leaf.pem + authority.pem + impostor.pem)).rejects.toMatchObject({
      code: "ROOT_UNTRUSTED",
    });
    await expect(verify(leaf.pem + authority.pem + root.pem)).rejects.toMatchObject({
      code: "CERTIFICATE_INVALID",
    });
  });
});
