import { spawnSync } from "node:child_process";
import { createCipheriv } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createModelDecipher, decryptImage, encryptLegacy } from "../../src/crypto/openssl-cbc.js";
import { bytes, hexVectors } from "../helpers/vectors.js";

const vectors = hexVectors("openssl-cbc.json");
const key = Buffer.alloc(32, 0x42);

function decryptModel(ciphertext: Uint8Array): Buffer {
  const decipher = createModelDecipher(key);
  return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
}

describe("a file that openssl wrote", () => {
  test.each(vectors)("decrypts, and equals our own encryption: vector %#", (vector) => {
    const [plaintext, ciphertext] = [bytes(vector, "plaintext"), bytes(vector, "ciphertext")];
    const decipher = createModelDecipher(bytes(vector, "key"));
    expect(Buffer.concat([decipher.update(ciphertext), decipher.final()])).toEqual(plaintext);
    expect(encryptLegacy(bytes(vector, "key"), plaintext)).toEqual(ciphertext);
  });

  test.each(vectors)("decrypts as an image followed by its padding: vector %#", (vector) => {
    const plaintext = bytes(vector, "plaintext");
    const padding = 16 - (plaintext.length % 16);
    expect(decryptImage(bytes(vector, "key"), bytes(vector, "ciphertext"))).toEqual(
      Buffer.concat([plaintext, Buffer.alloc(padding, padding)]),
    );
  });
});

/** Runs `openssl enc` with further arguments. @returns undefined if openssl is not installed */
function openssl(input: Uint8Array, ...more: string[]): Buffer | undefined {
  const args = ["enc", "-aes256", "-K", key.toString("hex"), "-iv", "0", ...more];
  const { error, status, stdout, stderr } = spawnSync("openssl", args, { input });
  if (error !== undefined) return undefined;
  if (status !== 0) throw new Error(stderr.toString());
  return stdout;
}

describe("the installed openssl", () => {
  const missing = openssl(Buffer.alloc(0), "-e") === undefined;
  if (missing) process.stderr.write("skipped: no openssl to compare with in the PATH\n");

  (missing ? test.skip : test).each([0, 1, 15, 16, 17, 100, 4096, 100_003])(
    "writes and reads the same files as our functions, %i bytes",
    (length) => {
      const plaintext = Buffer.from(Array.from({ length }, (_, index) => (index * 13) % 256));
      const ciphertext = encryptLegacy(key, plaintext);
      expect(openssl(plaintext, "-e")?.equals(ciphertext)).toBe(true);
      expect(openssl(ciphertext, "-d")?.equals(plaintext)).toBe(true);
    },
  );
});

describe("an encrypted image", () => {
  test("of whole blocks always decrypts, whatever it contains", () => {
    const blocks = fc
      .array(fc.uint8Array({ minLength: 16, maxLength: 16 }), { minLength: 1, maxLength: 8 })
      .map((parts) => Buffer.concat(parts));
    fc.assert(
      fc.property(blocks, (ciphertext) => {
        expect(decryptImage(key, ciphertext)).toHaveLength(ciphertext.length);
      }),
    );
  });

  test("decrypts to the plaintext followed by its padding, for any picture", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (picture) => {
        const padding = 16 - (picture.length % 16);
        const opened = decryptImage(key, encryptLegacy(key, picture));
        expect(opened).toEqual(Buffer.concat([picture, Buffer.alloc(padding, padding)]));
      }),
    );
  });

  test("of another length, or of length 0, yields undefined", () => {
    for (let length = 0; length <= 64; length += 1) {
      const opened = decryptImage(key, Buffer.alloc(length, 1));
      expect(opened === undefined).toBe(length === 0 || length % 16 !== 0);
    }
  });
});

describe("an encrypted model", () => {
  test("decrypts to the plaintext, for any length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (plaintext) => {
        expect(decryptModel(encryptLegacy(key, plaintext))).toEqual(Buffer.from(plaintext));
      }),
    );
  });

  test.each([0, 15, 17, 31])(
    "of %i bytes, which are not whole blocks, does not decrypt",
    (length) => {
      expect(() => decryptModel(Buffer.alloc(length, 1))).toThrow();
    },
  );

  test.each(["00", "11", "0302", "1f".repeat(16)])(
    "with the padding %s does not decrypt",
    (end) => {
      const block = Buffer.alloc(16, 0x55);
      Buffer.from(end, "hex").copy(block, 16 - end.length / 2);
      const cipher = createCipheriv("aes-256-cbc", key, Buffer.alloc(16)).setAutoPadding(false);
      const ciphertext = Buffer.concat([cipher.update(block), cipher.final()]);
      expect(() => decryptModel(ciphertext)).toThrow();
    },
  );
});
