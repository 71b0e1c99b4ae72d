import { X509Certificate } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
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
