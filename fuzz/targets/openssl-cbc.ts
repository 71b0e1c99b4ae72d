import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { decryptImage, encryptLegacy } from "../../src/crypto/openssl-cbc.js";
import type { Target } from "../target.js";

const key = Buffer.alloc(32, 0x31);

/** `.encrypted` files: a decrypted file is encrypted to the same bytes. */
export const opensslCbc: Target = {
  name: "openssl-cbc",
  parsers: ["src/crypto/openssl-cbc.ts"],
  mutation: "bytes",
  maxBytes: 4096,
  prepare: () =>
    Promise.resolve({
      seeds: [0, 15, 16, 17, 32].map((length) => encryptLegacy(key, Buffer.alloc(length, 7))),
      check,
    }),
};

function check(input: Uint8Array): string {
  const written = encryptLegacy(key, input);
  assert.deepEqual(decryptImage(key, written)?.subarray(0, input.length), Buffer.from(input));
  const plaintext = decryptImage(key, input);
  assert.equal(plaintext !== undefined, input.length > 0 && input.length % 16 === 0);
  if (plaintext === undefined) return "refused";
  const cipher = createCipheriv("aes-256-cbc", key, Buffer.alloc(16)).setAutoPadding(false);
  const again = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  assert.deepEqual(again, Buffer.from(input));
  return "decrypted";
}
