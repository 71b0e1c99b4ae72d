import "reflect-metadata";
import { X509Certificate, webcrypto } from "node:crypto";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { KeyUsageFlags } from "@peculiar/x509";
import { verifyCertificateChain } from "../../src/crypto/certificate-chain.js";
import { certify, type Certified, type Wishes } from "./certify.js";

const host = "vault.example";
const now = new Date("2026-06-01");

let root: Certified;
let intermediate: Certified;
let leaf: Certified;

beforeAll(async () => {
  root = await certify("root", undefined, { ca: true });
  intermediate = await certify("intermediate", root, { ca: true });
  leaf = await certify("leaf", intermediate, { names: [host] });
});

function verify(chain: (Certified | Buffer)[], roots: Certified[] = [root], forHost = host) {
  return verifyCertificateChain(
    chain.map((one) => (Buffer.isBuffer(one) ? one : one.der)),
    { trustedRoots: roots.map(({ der }) => new X509Certificate(der)), host: forHost, now },
  );
}

describe("a certificate chain is accepted", () => {
  test("with or without its root, and yields the leaf's key", async () => {
    const key = await webcrypto.subtle.exportKey("spki", leaf.keys.publicKey);
    for (const chain of [
      [leaf, intermediate, root],
      [leaf, intermediate],
    ]) {
      expect(verify(chain).export({ type: "spki", format: "der" })).toEqual(Buffer.from(key));
    }
  });

  test("for the hosts that a wildcard covers, which differ in one label", async () => {
    const wild = await certify("wild", root, { names: ["*.hsm.example"] });
    expect(() => verify([wild], [root], "vault.hsm.example")).not.toThrow();
    expect(() => verify([wild], [root], "a.vault.hsm.example")).toThrow("not for a.vault");
  });
});

describe("a certificate chain is refused", () => {
  test("for another host, and for a host that only the common name contains", async () => {
    expect(() => verify([leaf, intermediate], [root], "other.example")).toThrow("not for other");
    const named = await certify(host, root);
    expect(() => verify([named])).toThrow(`not for ${host}`);
  });

  test.each([
    ["no longer valid", "2025-01-01", "2026-05-31"],
    ["not yet valid", "2026-06-02", "2027-01-01"],
  ])("with a leaf that is %s; the message does not repeat its dates", async (what, from, to) => {
    const other = await certify("other", root, { names: [host], from, to });
    expect(() => verify([other])).toThrow(new Error(`a certificate that is ${what}`));
  });

  test("with an expired intermediate or an expired root in the trust store", async () => {
    const oldCa = await certify("old", root, { ca: true, from: "2024-01-01", to: "2025-01-01" });
    expect(() => verify([oldCa])).toThrow("no longer valid");
    const underOld = await certify("leaf", oldCa, { names: [host] });
    expect(() => verify([underOld, oldCa])).toThrow("no longer valid");
    const oldRoot = await certify("r", undefined, {
      ca: true,
      from: "2024-01-01",
      to: "2025-01-01",
    });
    const underOldRoot = await certify("leaf", oldRoot, { names: [host] });
    expect(() => verify([underOldRoot], [oldRoot])).toThrow("trusted root");
  });

  test("issued by a certificate that is not a CA", async () => {
    const under = await certify("under", leaf, { names: [host] });
    expect(() => verify([under, leaf, intermediate])).toThrow("not issued by");
    const noCaRoot = await certify("plain", undefined, { names: [host] });
    const underPlain = await certify("under", noCaRoot, { names: [host] });
    expect(() => verify([underPlain], [noCaRoot])).toThrow("trusted root");
  });

  test.each<[string, Wishes]>([
    ["may not sign certificates", { ca: true, usage: KeyUsageFlags.digitalSignature }],
    ["does not say that it is one", { ca: undefined, usage: KeyUsageFlags.keyCertSign }],
  ])("issued by a CA that %s", async (_what, wishes) => {
    const issuer = await certify("issuer", root, wishes);
    const under = await certify("under", issuer, { names: [host] });
    expect(() => verify([under, issuer])).toThrow("not issued by");
    const anchor = await certify("anchor", undefined, wishes);
    const underAnchor = await certify("under", anchor, { names: [host] });
    expect(() => verify([underAnchor], [anchor])).toThrow("trusted root");
  });

  test("that ends with an expired root, although the root is trusted", async () => {
    const old = await certify("old", undefined, { ca: true, to: "2026-05-31" });
    const under = await certify("under", old, { names: [host] });
    expect(() => verify([under, old], [old])).toThrow("no longer valid");
  });

  test("that contains an unrelated certificate, or one certificate twice", async () => {
    const idle = await certify("idle", root, { ca: true });
    expect(() => verify([leaf, idle, intermediate])).toThrow("not issued by");
    expect(() => verify([leaf, leaf, intermediate])).toThrow("not issued by");
    expect(() => verify([leaf, intermediate, intermediate])).toThrow("not issued by");
  });

  test("signed with a key other than its issuer's, under the issuer's name", async () => {
    const impostor = await certify("intermediate", undefined, { ca: true });
    const forged = await certify("leaf", impostor, { names: [host] });
    expect(() => verify([forged, intermediate])).toThrow("not issued by");
  });

  test("signed with its issuer's key under another issuer's name", async () => {
    const misnamed = await certify("leaf", { ...intermediate, name: "other" }, { names: [host] });
    expect(() => verify([misnamed, intermediate])).toThrow("not issued by");
    const underRoot = await certify("leaf", { ...root, name: "other" }, { names: [host] });
    expect(() => verify([underRoot])).toThrow("trusted root");
  });

  test("with a CA in place of the leaf", async () => {
    const ca = await certify("ca", root, { ca: true, names: [host] });
    expect(() => verify([ca])).toThrow("CA's certificate");
  });

  test("signed by another CA of the same name", async () => {
    const impostor = await certify("root", undefined, { ca: true });
    const forged = await certify("leaf", impostor, { names: [host] });
    expect(() => verify([forged])).toThrow("trusted root");
    expect(() => verify([forged, impostor])).toThrow("trusted root");
    expect(() => verify([forged, root])).toThrow("not issued by");
  });

  test("that is self-signed, out of order, incomplete or empty, or contains no certificates", async () => {
    const alone = await certify("alone", undefined, { names: [host] });
    expect(() => verify([alone])).toThrow("trusted root");
    expect(() => verify([leaf, root, intermediate])).toThrow("not issued by");
    expect(() => verify([leaf])).toThrow("trusted root");
    expect(() => verify([])).toThrow("no certificates");
    expect(() => verify([Buffer.from("garbage")])).toThrow("no certificate");
    expect(() => verify([leaf, intermediate], [])).toThrow("trusted root");
  });

  test("whose bytes differ from OpenSSL's encoding of it", () => {
    const bytes = Buffer.from(leaf.der);
    // The last bits of the signature, a bit string, are declared unused but are not 0 (X.690, section 11.2.1).
    const at = bytes.lastIndexOf(Buffer.from("0030", "hex"));
    const signature = Buffer.from("0300", "hex");
    expect(bytes[at - 2]).toBe(signature[0]);
    bytes[at] = 1;
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 1;
    expect(() => verify([{ ...leaf, der: bytes }, intermediate])).toThrow("no certificate");
  });

  test("with any byte of its leaf changed", () => {
    for (let at = 0; at < leaf.der.length; at += 3) {
      const changed = Buffer.from(leaf.der);
      changed[at] = (changed[at] ?? 0) ^ 0x04;
      expect(() => verify([changed, intermediate])).toThrow();
    }
  });
});
