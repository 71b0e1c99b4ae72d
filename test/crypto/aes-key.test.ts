import { inspect } from "node:util";
import { createCipheriv } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { AesKey } from "../../src/crypto/aes-key.js";

const bytes = Buffer.from(
  "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210",
  "hex",
);

describe("a key that is kept", () => {
  test("leaves nothing in the buffer that it came in", async () => {
    const buffer = Buffer.from(bytes);
    await AesKey.take(buffer);
    expect(buffer).toEqual(Buffer.alloc(32));
  });

  test.each([0, 16, 31, 33, 64])("is not made of %i bytes, which are wiped too", async (length) => {
    const buffer = Buffer.alloc(length, 7);
    await expect(AesKey.take(buffer)).rejects.toThrow(`got ${length}`);
    expect(buffer).toEqual(Buffer.alloc(length));
  });

  test("is the key that it was made of", async () => {
    const key = await AesKey.take(Buffer.from(bytes));
    const encrypt = (secret: Parameters<typeof createCipheriv>[1]): string =>
      createCipheriv("aes-256-cbc", secret, Buffer.alloc(16))
        .update(Buffer.alloc(16))
        .toString("hex");
    expect(encrypt(key.secret)).toBe(encrypt(bytes));
    expect(key.equals(await AesKey.take(Buffer.from(bytes)))).toBe(true);
    expect(key.equals(await AesKey.take(Buffer.alloc(32)))).toBe(false);
  });

  test("cannot be read off anything that prints it, nor exported for JWE", async () => {
    const key = await AesKey.take(Buffer.from(bytes));
    const shown = inspect(key, { depth: 9, showHidden: true }) + JSON.stringify(key);
    for (const form of ["hex", "base64", "base64url", "latin1"] as const) {
      expect(shown).not.toContain(bytes.toString(form));
    }
    expect([key.wrapping.extractable, key.content.extractable]).toEqual([false, false]);
  });
});
