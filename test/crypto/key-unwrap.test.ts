import {
  constants,
  createCipheriv,
  createDecipheriv,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
} from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { unwrapKey, type KeyWrapAlgorithm } from "../../src/crypto/key-unwrap.js";
import { bytes, hexVectors } from "../helpers/vectors.js";

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const hashes: Record<KeyWrapAlgorithm, string> = {
  CKM_RSA_AES_KEY_WRAP: "sha1",
  RSA_AES_KEY_WRAP_256: "sha256",
  RSA_AES_KEY_WRAP_384: "sha384",
};
const algorithms: readonly KeyWrapAlgorithm[] = [
  "CKM_RSA_AES_KEY_WRAP",
  "RSA_AES_KEY_WRAP_256",
  "RSA_AES_KEY_WRAP_384",
];
const algorithm = "RSA_AES_KEY_WRAP_256";
const rfc5649Iv = "a65959a6";

interface Wrapping {
  hash?: string;
  kek?: Buffer;
  iv?: string;
}

function wrap(secret: Uint8Array, { hash = "sha256", kek, iv = rfc5649Iv }: Wrapping = {}): Buffer {
  const wrapping = kek ?? randomBytes(32);
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const name = `id-aes${wrapping.length * 8}-wrap-pad`;
  return Buffer.concat([
    publicEncrypt({ key: publicKey, padding, oaepHash: hash }, wrapping),
    createCipheriv(name, wrapping, Buffer.from(iv, "hex")).update(secret),
  ]);
}

function swapped(wrapped: Buffer): Buffer {
  return Buffer.concat([wrapped.subarray(256), wrapped.subarray(0, 256)]);
}

function mixed(): Buffer {
  const secret = Buffer.alloc(32, 7);
  return Buffer.concat([wrap(secret).subarray(0, 256), wrap(secret).subarray(256)]);
}

describe("RFC 5649's vectors", () => {
  // Their key-encryption key has 192 bits, ours 256: they prove that node:crypto's cipher is RFC 5649's.
  test.each(hexVectors("rfc5649.json"))("hold for node:crypto's cipher: %#", (vector) => {
    const decipher = createDecipheriv(
      "id-aes192-wrap-pad",
      bytes(vector, "kek"),
      Buffer.from(rfc5649Iv, "hex"),
    );
    expect(decipher.update(bytes(vector, "wrapped"))).toEqual(bytes(vector, "key"));
  });
});

describe("unwrapping", () => {
  test.each(algorithms)("with %s does not accept another algorithm's hash", (name) => {
    const wrapped = wrap(Buffer.alloc(32, 7), { hash: hashes[name] });
    for (const other of algorithms.filter((one) => one !== name)) {
      expect(unwrapKey(other, privateKey, wrapped, 32)).toBeUndefined();
    }
  });

  test.each(algorithms)("%s returns the wrapped key", (known) => {
    const hash = hashes[known];
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (secret) => {
        expect(unwrapKey(known, privateKey, wrap(secret, { hash }), 32)).toEqual(
          Buffer.from(secret),
        );
      }),
      { numRuns: 20 },
    );
  });

  test("refuses any byte changed", () => {
    const wrapped = wrap(Buffer.alloc(32, 7));
    for (let at = 0; at < wrapped.length; at += 1) {
      const changed = Buffer.from(wrapped);
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      expect(unwrapKey(algorithm, privateKey, changed, 32)).toBeUndefined();
    }
  });

  test.each<[string, Buffer]>([
    ["a key of 31 bytes", wrap(Buffer.alloc(31, 7))],
    ["a key of 33 bytes", wrap(Buffer.alloc(33, 7))],
    ["a key of 25 bytes, padded to the same length", wrap(Buffer.alloc(25, 7))],
    ["a key of 1 byte", wrap(Buffer.alloc(1, 7))],
    ["a key of 24 bytes", wrap(Buffer.alloc(24, 7))],
    ["a key of 40 bytes", wrap(Buffer.alloc(40, 7))],
    ["a key of 16 bytes", wrap(Buffer.alloc(16, 7))],
    ["a KEK of 16 bytes", wrap(Buffer.alloc(32, 7), { kek: randomBytes(16) })],
    ["a KEK of 24 bytes", wrap(Buffer.alloc(32, 7), { kek: randomBytes(24) })],
    ["the initial value of RFC 3394", wrap(Buffer.alloc(32, 7), { iv: "a6a6a6a6" })],
    ["another initial value", wrap(Buffer.alloc(32, 7), { iv: "a65959a7" })],
    ["another hash in OAEP", wrap(Buffer.alloc(32, 7), { hash: "sha1" })],
    ["no wrapped key", wrap(Buffer.alloc(32, 7)).subarray(0, 256)],
    ["the two parts the other way round", swapped(wrap(Buffer.alloc(32, 7)))],
    ["the KEK's part of another wrapping", mixed()],
    ["eight bytes less", wrap(Buffer.alloc(32, 7)).subarray(0, -8)],
    ["eight bytes more", Buffer.concat([wrap(Buffer.alloc(32, 7)), Buffer.alloc(8)])],
    ["zeros", Buffer.alloc(296)],
    ["a byte less", wrap(Buffer.alloc(32, 7)).subarray(0, -1)],
    ["a byte more", Buffer.concat([wrap(Buffer.alloc(32, 7)), Buffer.alloc(1)])],
    ["nothing", Buffer.alloc(0)],
  ])("refuses %s", (_what, wrapped) => {
    expect(unwrapKey(algorithm, privateKey, wrapped, 32)).toBeUndefined();
  });

  test("refuses a key that was wrapped for another RSA key", () => {
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    expect(unwrapKey(algorithm, other, wrap(Buffer.alloc(32, 7)), 32)).toBeUndefined();
  });

  test("refuses a private key that is not an RSA key", () => {
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    expect(unwrapKey(algorithm, other, wrap(Buffer.alloc(32, 7)), 32)).toBeUndefined();
  });
});
