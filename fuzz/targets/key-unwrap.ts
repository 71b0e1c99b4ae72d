import assert from "node:assert/strict";
import {
  constants,
  createCipheriv,
  generateKeyPairSync,
  publicEncrypt,
  type KeyObject,
} from "node:crypto";
import { unwrapKey } from "../../src/crypto/key-unwrap.js";
import { decryptOaep } from "../../src/crypto/rsa-oaep.js";
import type { Target } from "../target.js";

const algorithms = [
  ["CKM_RSA_AES_KEY_WRAP", "sha1"],
  ["RSA_AES_KEY_WRAP_256", "sha256"],
  ["RSA_AES_KEY_WRAP_384", "sha384"],
] as const;
/** Small, so that many inputs are tried. */
const modulusBits = 1024;
const modulusBytes = modulusBits / 8;
const secretBytes = 32;
/** An input is a byte with the KEK's length, the KEK, and the wrapped key. The check encrypts the KEK with RSA-OAEP. */
const lengthBytes = 1;

/** Released keys, `RSA-OAEP(KEK) ‖ AES-KWP(KEK, secret)`: with any KEK and any wrapped part, and as raw bytes. */
export const keyUnwrap: Target = {
  name: "key-unwrap",
  parsers: ["src/crypto/key-unwrap.ts", "src/crypto/rsa-oaep.ts", "src/crypto/aes-key-wrap.ts"],
  mutation: "bytes",
  maxBytes: 1024,
  prepare() {
    const pair = generateKeyPairSync("rsa", { modulusLength: modulusBits });
    const seeds = [32, 16, 0].map((kekBytes) => {
      const kek = Buffer.alloc(kekBytes, 5);
      const wrapped = kekBytes === 0 ? Buffer.alloc(40) : wrap(kek, Buffer.alloc(secretBytes, 6));
      return Buffer.concat([Buffer.of(kekBytes), kek, wrapped]);
    });
    return Promise.resolve({ seeds, check: (input) => check(input, pair) });
  },
};

function check(
  input: Uint8Array,
  { publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject },
): string {
  const kekBytes = Math.min(input[0] ?? 0, input.length - lengthBytes, 30);
  const isExact = (input[0] ?? 0) === secretBytes && input.length > secretBytes;
  const end = lengthBytes + (isExact ? secretBytes : Math.max(0, kekBytes));
  const kek = input.subarray(lengthBytes, end);
  const rest = input.subarray(end);
  const results = algorithms.map(([algorithm, oaepHash]) => {
    assert.equal(
      decryptOaep(privateKey, oaepHash, input),
      undefined,
      "bytes that nobody encrypted",
    );
    if (algorithm === "RSA_AES_KEY_WRAP_384" && kek.length > modulusBytes - 98) return "too long";
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const sealed = publicEncrypt({ key: publicKey, padding, oaepHash }, kek);
    assert.deepEqual(decryptOaep(privateKey, oaepHash, sealed), Buffer.from(kek));
    const secret = unwrapKey(algorithm, privateKey, Buffer.concat([sealed, rest]), secretBytes);
    if (secret === undefined) return "refused";
    assert(kek.length === 32 && secret.length === secretBytes);
    assert.deepEqual(wrap(kek, secret), Buffer.from(rest));
    return "unwrapped";
  });
  return `${kek.length} ${results.join(" ")}`;
}

function wrap(kek: Uint8Array, key: Uint8Array): Buffer {
  const iv = Buffer.from("a65959a6", "hex");
  return createCipheriv(`id-aes${kek.length * 8}-wrap-pad`, kek, iv).update(key);
}
