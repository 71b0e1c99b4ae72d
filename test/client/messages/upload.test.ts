import { randomBytes, type KeyObject } from "node:crypto";
import {
  CompactEncrypt,
  calculateJwkThumbprint,
  compactDecrypt,
  decodeProtectedHeader,
} from "jose";
import { describe, expect, test } from "@jest/globals";
import { thumbprint } from "../../../client/attestation/jwk.js";
import { encryptToServer, openAnswer } from "../../../client/messages/upload.js";
import { createServerKeys, publicJwk } from "../../helpers/attested-server.js";

const { encryption } = createServerKeys();
const attested = publicJwk(encryption);
const picture = randomBytes(100_000);

async function open(jwe: string, key: KeyObject): Promise<Uint8Array> {
  return (await compactDecrypt(jwe, key)).plaintext;
}

function answer(header: Record<string, unknown>, key: Uint8Array, text: string): Promise<string> {
  return new CompactEncrypt(Buffer.from(text))
    .setProtectedHeader({ alg: "dir", enc: "A256GCM", ...header })
    .encrypt(key);
}

describe("encryptToServer", () => {
  test("encrypts a reply key and the picture to the attested key, with the options authenticated", async () => {
    const { jwe, replyKey } = await encryptToServer(picture, attested, { top: 3, receipt: true });
    expect(decodeProtectedHeader(jwe)).toEqual({
      alg: "ECDH-ES+A256KW",
      enc: "A256GCM",
      kid: await thumbprint(attested),
      epk: { crv: "P-256", kty: "EC", x: expect.any(String), y: expect.any(String) },
      top: 3,
      receipt: true,
    });
    const plaintext = Buffer.from(await open(jwe, encryption));
    expect(plaintext.subarray(0, 32).equals(replyKey)).toBe(true);
    expect(plaintext.subarray(32).equals(picture)).toBe(true);
    const [, ...rest] = jwe.split(".");
    const header = { ...decodeProtectedHeader(jwe), top: 1000 };
    const changed = [Buffer.from(JSON.stringify(header)).toString("base64url"), ...rest].join(".");
    await expect(open(changed, encryption)).rejects.toThrow();
  });

  test("uses no reply key and no ephemeral key twice", async () => {
    const uploads = await Promise.all([1, 2, 3].map(() => encryptToServer(picture, attested)));
    const different = (values: unknown[]): number =>
      new Set(values.map((v) => JSON.stringify(v))).size;
    expect(different(uploads.map(({ replyKey }) => [...replyKey]))).toBe(3);
    expect(different(uploads.map(({ jwe }) => decodeProtectedHeader(jwe)["epk"]))).toBe(3);
  });

  test("refuses a key that is not on the curve", async () => {
    const x = Buffer.alloc(32, 1).toString("base64url");
    await expect(encryptToServer(picture, { ...attested, x, y: x })).rejects.toThrow();
  });

  test("is named by the thumbprint of RFC 7638", async () => {
    expect(await thumbprint(attested)).toBe(await calculateJwkThumbprint({ ...attested }));
  });
});

describe("openAnswer", () => {
  const key = new Uint8Array(randomBytes(32));
  const json = '{"predictions":[]}';

  test("opens an answer under the reply key and removes the padding", async () => {
    expect(await openAnswer(await answer({}, key, json.padEnd(4096)), key)).toBe(json);
  });

  test("refuses answers under another key, with another header, and without JSON", async () => {
    const other = new Uint8Array(randomBytes(32));
    const wrapped = await new CompactEncrypt(Buffer.from(json))
      .setProtectedHeader({ alg: "A256KW", enc: "A256GCM" })
      .encrypt(key);
    for (const jwe of [
      await answer({}, other, json),
      await answer({ kid: "a" }, key, json),
      await answer({}, key, "text"),
      wrapped,
      "",
      json,
    ]) {
      await expect(openAnswer(jwe, key)).rejects.toMatchObject({ code: "ANSWER_REJECTED" });
    }
  });

  test("refuses an answer with any character changed", async () => {
    const jwe = await answer({}, key, json);
    for (let at = 0; at < jwe.length; at += 1) {
      const character = jwe[at] === "A" ? "B" : "A";
      const changed = jwe.slice(0, at) + character + jwe.slice(at + 1);
      if (sameBytes(changed, jwe)) continue;
      await expect(openAnswer(changed, key)).rejects.toMatchObject({ code: "ANSWER_REJECTED" });
    }
  });
});

/** Whether two tokens differ in bits of base64url alone that are not used. */
function sameBytes(left: string, right: string): boolean {
  const bytes = (token: string): string =>
    token
      .split(".")
      .map((part, index) => (index === 0 ? part : Buffer.from(part, "base64url").toString("hex")))
      .join(".");
  return bytes(left) === bytes(right);
}
