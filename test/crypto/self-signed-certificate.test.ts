import "reflect-metadata";
import { X509Certificate, createHash, createPublicKey, generateKeyPairSync } from "node:crypto";
import { spawnSync } from "node:child_process";
import { describe, expect, test } from "@jest/globals";
import * as x509 from "@peculiar/x509";
import fc from "fast-check";
import { readDer } from "../../src/crypto/der.js";
import { writeDer } from "../../src/crypto/der-write.js";
import { toPem } from "../../src/crypto/pem.js";
import { makeSelfSignedCertificate } from "../../src/crypto/self-signed-certificate.js";
import { createTlsIdentity } from "../../src/crypto/tls-identity.js";

describe("makeSelfSignedCertificate", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const der = makeSelfSignedCertificate(privateKey, "confml");

  test("makes what Node and @peculiar/x509 read alike: a TLS server's certificate that signs itself", async () => {
    const node = new X509Certificate(der);
    expect(node.verify(publicKey)).toBe(true);
    expect([node.subject, node.issuer, node.ca]).toEqual(["CN=confml", "CN=confml", false]);
    expect(node.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect([node.validFrom, node.validTo]).toEqual([
      "Jan  1 00:00:00 1970 GMT",
      "Dec 31 23:59:59 9999 GMT",
    ]);
    const other = new x509.X509Certificate(der);
    expect(await other.isSelfSigned()).toBe(true);
    expect(other.extensions.map(({ type, critical }) => [type, critical])).toEqual([
      ["2.5.29.15", true],
      ["2.5.29.37", false],
    ]);
    expect(other.getExtension(x509.KeyUsagesExtension)?.usages).toBe(
      x509.KeyUsageFlags.digitalSignature,
    );
  });

  test("gives each certificate a positive serial number of its own", () => {
    const numbers = [der, makeSelfSignedCertificate(privateKey, "confml")].map(
      (one) => new X509Certificate(one).serialNumber,
    );
    expect(new Set(numbers).size).toBe(2);
    for (const number of numbers) expect(number).toMatch(/^[4-7][0-9A-F]{31}$/u);
  });

  test("makes what openssl reads, where it is installed", () => {
    const { error, status, stdout, stderr } = spawnSync(
      "openssl",
      ["x509", "-inform", "DER", "-noout", "-text", "-certopt", "no_pubkey,no_sigdump"],
      { input: der },
    );
    if (error !== undefined) {
      process.stderr.write(`openssl not tried: ${error.message}\n`);
      return;
    }
    expect([status, stderr.toString()]).toEqual([0, ""]);
    const text = stdout.toString();
    expect(text).toContain("Version: 3");
    expect(text).toContain("X509v3 Key Usage: critical");
    expect(text).toContain("TLS Web Server Authentication");
  });
});

describe("createTlsIdentity", () => {
  test("makes a key and its certificate, with the hash of its SubjectPublicKeyInfo", () => {
    const { privateKeyPem, certificatePem, keySha256 } = createTlsIdentity("confml");
    const publicKey = createPublicKey(privateKeyPem).export({ type: "spki", format: "der" });
    const shown = new X509Certificate(certificatePem).publicKey.export({
      type: "spki",
      format: "der",
    });
    expect(shown).toEqual(publicKey);
    expect(keySha256).toEqual(createHash("sha256").update(publicKey).digest());
  });
});

describe("toPem", () => {
  test("writes what Node writes, for any length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
        const lines =
          Buffer.from(bytes)
            .toString("base64")
            .match(/.{1,64}/gu) ?? [];
        const text = ["-----BEGIN X-----", ...lines, "-----END X-----", ""].join("\n");
        expect(toPem("X", bytes).toString()).toBe(text);
      }),
    );
  });
});

describe("writeDer", () => {
  test.each([0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000])(
    "writes a value of %d bytes that the reader reads",
    (length) => {
      const content = Buffer.alloc(length, 1);
      const read = readDer(
        writeDer(4, content.subarray(0, length >> 1), content.subarray(length >> 1)),
        4,
      );
      expect(Buffer.from(read.content)).toEqual(content);
    },
  );
});
