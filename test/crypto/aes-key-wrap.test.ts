import { createCipheriv, randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { unwrapWithPadding } from "../../src/crypto/aes-key-wrap.js";
import { bytes, hexVectors } from "../helpers/vectors.js";

/** Wraps with OpenSSL's implementation of RFC 5649: the inverse of the tested function. */
function wrap(kek: Uint8Array, key: Uint8Array, iv = "a65959a6"): Buffer {
  const name = `id-aes${kek.length * 8}-wrap-pad`;
  return createCipheriv(name, kek, Buffer.from(iv, "hex")).update(key);
}

const kekBytes = fc
  .constantFrom(16, 24, 32)
  .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));

describe("AES key unwrap with padding", () => {
  test.each(hexVectors("rfc5649.json"))("unwraps RFC 5649's examples: %#", (vector) => {
    const key = unwrapWithPadding(bytes(vector, "kek"), bytes(vector, "wrapped"));
    expect(key).toEqual(bytes(vector, "key"));
  });

  test("agrees with NIST's vectors, both valid and invalid ones", () => {
    const vectors = hexVectors("nist-kwp-ad.json");
    const outcomes = vectors.map((vector) =>
      unwrapWithPadding(bytes(vector, "kek"), bytes(vector, "wrapped")),
    );
    expect(outcomes).toEqual(vectors.map(({ key }) => key));
    expect(vectors.filter(({ key }) => key === undefined).length).toBeGreaterThan(20);
  });

  test("unwraps any wrapped key", () => {
    fc.assert(
      fc.property(kekBytes, fc.uint8Array({ minLength: 1, maxLength: 100 }), (kek, key) => {
        expect(unwrapWithPadding(kek, wrap(kek, key))).toEqual(Buffer.from(key));
      }),
    );
  });

  test("refuses a key with any byte changed", () => {
    const kek = randomBytes(32);
    const wrapped = wrap(kek, randomBytes(32));
    for (let at = 0; at < wrapped.length; at += 1) {
      for (const bit of [0x01, 0x80]) {
        const changed = Buffer.from(wrapped);
        changed[at] = (changed[at] ?? 0) ^ bit;
        expect(unwrapWithPadding(kek, changed)).toBeUndefined();
      }
    }
  });

  test("refuses random bytes", () => {
    fc.assert(
      fc.property(kekBytes, fc.uint8Array({ maxLength: 80 }), (kek, noise) => {
        expect(unwrapWithPadding(kek, noise)).toBeUndefined();
      }),
    );
  });

  test.each([0, 1, 7, 8, 9, 15, 17, 39])("refuses %i bytes", (length) => {
    expect(unwrapWithPadding(Buffer.alloc(32, 1), Buffer.alloc(length, 2))).toBeUndefined();
  });

  test.each([0, 8, 15, 31, 33, 64])("refuses a key-encryption key of %i bytes", (length) => {
    const wrapped = wrap(Buffer.alloc(32, 1), Buffer.alloc(32, 2));
    expect(unwrapWithPadding(Buffer.alloc(length, 1), wrapped)).toBeUndefined();
  });

  test("refuses another initial value", () => {
    const kek = randomBytes(32);
    expect(unwrapWithPadding(kek, wrap(kek, randomBytes(32), "a6a6a6a6"))).toBeUndefined();
  });
});
