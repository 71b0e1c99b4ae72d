import { X509Certificate } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { mutate } from "../../fuzz/mutate.js";
import { Random } from "../../scripts/random.js";
import { der } from "./certify.js";
import { chainOf, root, verdict } from "./verify-written.js";
import {
  ca,
  commonName,
  ecdsaSha256,
  extension,
  forHost,
  leafExtensions,
  none,
  write,
  writeAuthority,
} from "./write-certificate.js";

describe("a certificate in which Node finds a PEM certificate is refused", () => {
  const [leaf = none, authority = none] = chainOf({});
  const pem = `\n${new X509Certificate(leaf).toString()}\n`;
  const carrying = extension("2a0304", none, der(0x04, pem));
  const issuer = writeAuthority("authority", root);
  const inExtension = (extensions: Buffer[]): Buffer =>
    write("leaf", issuer, { extensions: [...extensions, carrying] }).der;

  test.each<[string, Buffer[]]>([
    [
      "in an extension, in an unsigned leaf",
      [write("leaf", undefined, { extensions: [forHost, carrying] }).der, authority],
    ],
    ["in an extension, in a signed leaf", [inExtension(leafExtensions), issuer.der]],
    ["in its subject", [write("leaf", issuer, { subject: commonName(pem) }).der, issuer.der]],
    ["in its signature", [der(0x30, der(0x30), ecdsaSha256, der(0x03, "\0", pem)), authority]],
    ["behind it", [Buffer.concat([leaf, Buffer.from(pem)]), authority]],
    ["before it", [Buffer.concat([Buffer.from(pem), leaf]), authority]],
    ["alone", [Buffer.from(pem), authority]],
    [
      "in an extension of an authority",
      [
        leaf,
        writeAuthority("x", undefined, {
          extensions: [
            ca,
            extension("2a0304", none, der(0x04, `\n${new X509Certificate(authority).toString()}`)),
          ],
        }).der,
      ],
    ],
  ])("%s", (_what, chain) => {
    expect(verdict([leaf, authority])).toBe("accepted");
    expect(verdict(chain)).toMatch(/no certificate/u);
  });
});

describe("no variation of a chain is accepted", () => {
  const untouched = chainOf({});
  const withEntry = (index: number, entry: Uint8Array): Uint8Array[] =>
    untouched.with(index, Buffer.from(entry));

  test("with any byte changed", () => {
    expect(verdict(untouched)).toBe("accepted");
    for (const [index, certificate] of untouched.entries()) {
      for (let at = 0; at < certificate.length; at += 1) {
        const changed = Buffer.from(certificate);
        changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
        expect(verdict(withEntry(index, changed))).not.toBe("accepted");
      }
    }
  });

  test("with a part removed, inserted, moved, or replaced by one of the other certificate", () => {
    const random = new Random("certificates");
    for (let run = 0; run < 1500; run += 1) {
      const index = run % 2;
      const certificate = untouched[index] ?? none;
      const other = untouched[1 - index] ?? none;
      const changed = mutate(certificate, {
        kind: "der",
        random,
        other,
        maxBytes: 4096,
        dictionary: [],
      });
      if (certificate.equals(changed)) continue;
      expect(verdict(withEntry(index, changed))).not.toBe("accepted");
    }
  });
});
