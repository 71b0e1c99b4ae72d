import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import {
  mrSigner,
  readSigningKey,
  requireOwnKey,
  throwawayKey,
} from "../../../scripts/tee/signing-key.js";

/** Open Enclave's debug key, whose private half is in its source (host/sgx/signkey.c). */
const debugKey = createPublicKey(`-----BEGIN PUBLIC KEY-----
MIIBoDANBgkqhkiG9w0BAQEFAAOCAY0AMIIBiAKCAYEAukAt/kn+T5FG64MM2dDv
R26WSrDjGu8XDjYisFwBbktinVUFE05mFO9X1GDBlOqS8lqZuq8fhwm4lZFSc01i
m6LlLRp4l+EOAHkhfRl+y4SDPlLbJX2yl5DMJjjTbWLH+Wiu5BzzWZ85Z2tPeS8d
aMnisrv3ZuyVGl+aJPC3x1SCtL4G4yk5+svrGwYemefSBV8sLviVaPmRcmeBV2x6
BLUc8/jgVVt3L9e0fWM3wnb9o9ZxJoIoAX1bFwXRnuP6N2xezEpfSWLgK41scmsN
AkCmsp0WvoeiaD9nsOGfRxZnBpHbZBC0IyzTEPiOI+5NhRQ3QFbdy1kFuJxOoFiZ
4leKZOwLqG264HwPmiTTWA7XXhP4+d/osb4F4BaEXZ7+4EYfbo5yxbjngcVI1oNN
drCZIy9spWXxqfrG3XMfReWteVlYr6GLcbB5fNE8qm9AiX+fAyw5/ACajPAduKqU
+7Q7ZoMNReay/Zkj9VPCAHeGZzLG/MUOC3Xtdjo3IJ/BAgED
-----END PUBLIC KEY-----
`);

describe("MRSIGNER", () => {
  test("of Open Enclave's debug key is the one that its documentation names", () => {
    expect(mrSigner(debugKey)).toBe(
      "ca9ad7331448980aa28890ce73e433638377f179ab4456b2fe237193193a8d0a",
    );
  });

  test("is the same of a private key and of its public half", () => {
    const key = throwawayKey();
    expect(mrSigner(createPublicKey(key))).toBe(mrSigner(key));
    expect(mrSigner(throwawayKey())).not.toBe(mrSigner(key));
  });
});

describe("the signing key", () => {
  const key = throwawayKey();
  const pkcs1 = key.export({ type: "pkcs1", format: "pem" }).toString();
  const pkcs8 = key.export({ type: "pkcs8", format: "pem" }).toString();
  const body = (pem: string): string => pem.split("\n").slice(1, -2).join("\n");

  test.each([
    ["a PEM file (PKCS#1)", pkcs1],
    ["a PEM file (PKCS#8)", pkcs8],
    ["its body alone", body(pkcs1)],
    ["its body alone (PKCS#8)", body(pkcs8)],
    ["a body in one line", body(pkcs1).replaceAll("\n", "")],
    ["a file with a text before the key", `Bag Attributes\n${pkcs8}`],
    ["Windows' line ends", pkcs1.replaceAll("\n", "\r\n")],
    ["spaces for line ends", pkcs1.replaceAll("\n", " ")],
    ["line ends written out", pkcs1.replaceAll("\n", String.raw`\n`)],
    ["space around it", `\n  ${body(pkcs1)}\n\n`],
  ])("is taken from %s", (_, text) => {
    expect(mrSigner(readSigningKey(text))).toBe(mrSigner(key));
  });

  const rsa = (modulusLength: number, publicExponent: number): KeyObject =>
    generateKeyPairSync("rsa", { modulusLength, publicExponent }).privateKey;
  const pem = (of: KeyObject): string => of.export({ type: "pkcs8", format: "pem" }).toString();

  test.each([
    ["of 2,048 bits", pem(rsa(2048, 3)), "got 2048 bits and exponent 3"],
    ["of 4,096 bits", pem(rsa(4096, 3)), "got 4096 bits and exponent 3"],
    ["of exponent 65537", pem(rsa(3072, 65_537)), "got 3072 bits and exponent 65537"],
    [
      "of another kind",
      pem(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey),
      "expected an unencrypted RSA private key",
    ],
    [
      "that is encrypted",
      key
        .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" })
        .toString(),
      "expected an unencrypted RSA private key",
    ],
    [
      "that is public",
      createPublicKey(key).export({ type: "spki", format: "pem" }).toString(),
      "expected an unencrypted RSA private key",
    ],
    ["that is cut off", body(pkcs1).slice(0, -200), "expected an unencrypted RSA private key"],
    ["that is none", "swordfish", "expected an unencrypted RSA private key"],
    ["that is a file's name", "/home/me/key.pem", "expected an unencrypted RSA private key"],
  ])("is refused %s, and not quoted", (_, text, message) => {
    expect(() => readSigningKey(text)).toThrow(`SSR_PKEY: `);
    expect(() => readSigningKey(text)).toThrow(message);
    const thrown = ((): unknown => {
      try {
        return readSigningKey(text);
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).toMatchObject({
      exitCode: 65,
      hints: [expect.stringContaining("openssl"), expect.anything()],
    });
    for (const line of text.split("\n").filter((one) => one.length > 20)) {
      expect(JSON.stringify(thrown, ["message", "hints", "stack"])).not.toContain(line);
    }
  });

  test.each([undefined, "", " \n"])("is asked for where there is none: %j", (text) => {
    expect(() => readSigningKey(text)).toThrow("SSR_PKEY is not set");
  });

  test("is refused where everybody has it", () => {
    expect(() => {
      requireOwnKey(debugKey);
    }).toThrow("with which everybody can sign");
    expect(() => {
      requireOwnKey(key);
    }).not.toThrow();
  });
});
