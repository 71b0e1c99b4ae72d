import { createCipheriv, randomBytes } from "node:crypto";

/** The initial value of RFC 3394, section 2.2.3.1. */
const wrapIv = Buffer.alloc(8, 0xa6);

/**
 * Encrypts a stream as JWE in compact serialisation (RFC 7516, section 5.1) with `A256KW` and `A256GCM` and a fresh content
 * key. The memory that it takes does not depend on the length of the stream.
 *
 * @param plaintext chunks of any length, which are not used after the next one is asked for
 * @param key 32 bytes
 * @param kid for the header
 * @returns the token's characters
 */
export async function* sealStream(
  plaintext: AsyncIterable<Uint8Array>,
  key: Uint8Array,
  kid: string,
): AsyncGenerator<Buffer> {
  const header = encode(Buffer.from(JSON.stringify({ alg: "A256KW", enc: "A256GCM", kid })));
  const contentKey = randomBytes(32);
  const iv = randomBytes(12);
  const encryptedKey = createCipheriv("id-aes256-wrap", key, wrapIv).update(contentKey);
  const gcm = createCipheriv("aes-256-gcm", contentKey, iv, { authTagLength: 16 });
  contentKey.fill(0);
  gcm.setAAD(Buffer.from(header, "ascii"));
  yield Buffer.from(`${header}.${encode(encryptedKey)}.${encode(iv)}.`, "ascii");
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of plaintext) {
    const ciphertext = Buffer.concat([rest, gcm.update(chunk)]);
    // Three bytes are four characters.
    const length = ciphertext.length - (ciphertext.length % 3);
    rest = ciphertext.subarray(length);
    yield Buffer.from(encode(ciphertext.subarray(0, length)), "ascii");
  }
  const last = Buffer.concat([rest, gcm.final()]);
  yield Buffer.from(`${encode(last)}.${encode(gcm.getAuthTag())}`, "ascii");
}

function encode(bytes: Buffer): string {
  return bytes.toString("base64url");
}
