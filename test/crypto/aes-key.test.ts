import { createCipheriv, createHmac } from "node:crypto";
import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { takeKey, type KeyUse } from "../../src/crypto/aes-key.js";
import { openJwe, sealJwe } from "../../src/crypto/jwe.js";

const bytes = Buffer.from(
  "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210",
  "hex",
);
const uses: KeyUse[] = ["cbc", "jwe", "jwe-model", "none"];

describe.each(uses)("a key that is kept for %s", (use) => {
  test("wipes the buffer from which it was made", async () => {
    const buffer = Buffer.from(bytes);
    await takeKey(buffer, use);
    expect(buffer).toEqual(Buffer.alloc(32));
  });

  test.each([0, 16, 31, 33, 64])(
    "is not made from %i bytes, which are wiped as well",
    async (length) => {
      const buffer = Buffer.alloc(length, 7);
      await expect(takeKey(buffer, use)).rejects.toThrow(`got ${length}`);
      expect(buffer).toEqual(Buffer.alloc(length));
    },
  );

  test("can be compared with a key of any use", async () => {
    const key = await takeKey(Buffer.from(bytes), use);
    for (const other of uses) {
      expect(key.equals(await takeKey(Buffer.from(bytes), other))).toBe(true);
      expect(key.equals(await takeKey(Buffer.alloc(32), other))).toBe(false);
    }
  });

  test("has a fingerprint that differs from that of any other key", async () => {
    const challenge = Buffer.from("challenge");
    const key = await takeKey(Buffer.from(bytes), use);
    expect(key.fingerprint(challenge)).toEqual(
      createHmac("sha256", bytes).update(challenge).digest(),
    );
  });

  test("does not appear in printed output", async () => {
    const key = await takeKey(Buffer.from(bytes), use);
    const shown = inspect(key, { depth: 9, showHidden: true }) + JSON.stringify(key);
    for (const form of ["hex", "base64", "base64url", "latin1"] as const) {
      expect(shown).not.toContain(bytes.toString(form));
    }
  });
});

describe("a key has only one use:", () => {
  test("for .encrypted files it holds the given bytes, and has no handle for JWE", async () => {
    const key = await takeKey(Buffer.from(bytes), "cbc");
    const encrypt = (secret: Parameters<typeof createCipheriv>[1]): string =>
      createCipheriv("aes-256-cbc", secret, Buffer.alloc(16))
        .update(Buffer.alloc(16))
        .toString("hex");
    expect(encrypt(key.secret)).toBe(encrypt(bytes));
    expect(Object.keys(key)).toEqual(["secret"]);
  });

  test("for a model as JWE it has its own handle, which no code for uploads or .encrypted files uses", async () => {
    const key = await takeKey(Buffer.from(bytes), "jwe-model");
    expect(key.modelSecret.export()).toEqual(bytes);
    expect(Object.keys(key)).toEqual(["modelSecret"]);
  });

  test("for JWE it holds the given bytes, cannot be exported, and has no handle for AES-CBC", async () => {
    const key = await takeKey(Buffer.from(bytes), "jwe");
    const token = Buffer.from(await sealJwe(bytes, Buffer.from("text"), { kid: "x" }));
    expect(await openJwe(token, key)).toEqual(new TextEncoder().encode("text"));
    expect(Object.keys(key).sort()).toEqual(["content", "wrapping"]);
    expect([key.wrapping.extractable, key.content.extractable]).toEqual([false, false]);
    expect([key.wrapping.algorithm.name, key.content.algorithm.name]).toEqual([
      "AES-KW",
      "AES-GCM",
    ]);
  });

  test("without a use it has no handle", async () => {
    expect(Object.keys(await takeKey(Buffer.from(bytes), "none"))).toEqual([]);
  });
});
