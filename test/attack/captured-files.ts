import { createDecipheriv } from "node:crypto";
import type { DecryptBlock } from "./block-oracle.js";
import { blockBytes, xor } from "./known-block.js";

/** Decrypts one block of a captured `.encrypted` file: P_i = D(C_i) xor C_(i-1). @param index from 1 on */
export async function recoverBlock(
  file: Buffer,
  index: number,
  decryptBlock: DecryptBlock,
): Promise<Buffer | undefined> {
  const start = index * blockBytes;
  const decrypted = await decryptBlock(file.subarray(start, start + blockBytes));
  return decrypted && xor(decrypted, file.subarray(start - blockBytes, start));
}

/** The result of an attempt to open a captured JWE. */
export type Opened =
  { plaintext: Buffer } | { failed: "the server did not tell" | "wrapped under another key" };

/**
 * Opens a JWE (RFC 7516, compact, `A256KW` and `A256GCM`) with AES block decryption under its key. `dir` does not
 * open this way: AES-GCM decrypts with AES encryption under that key.
 */
export async function openCapturedJwe(token: string, decryptBlock: DecryptBlock): Promise<Opened> {
  const [header = "", wrapped = "", iv = "", ciphertext = "", tag = ""] = token.split(".");
  const bytes = (part: string): Buffer => Buffer.from(part, "base64url");
  const unwrapped = await unwrapKey(bytes(wrapped), decryptBlock);
  if ("failed" in unwrapped) return unwrapped;
  const decipher = createDecipheriv("aes-256-gcm", unwrapped.key, bytes(iv))
    .setAAD(Buffer.from(header))
    .setAuthTag(bytes(tag));
  return { plaintext: Buffer.concat([decipher.update(bytes(ciphertext)), decipher.final()]) };
}

const semiblockBytes = 8;
const integrityCheck = Buffer.alloc(semiblockBytes, 0xa6);

/** Unwraps a key (RFC 3394, section 2.2.2): 6 rounds of one block decryption for each 8 bytes of the key. */
async function unwrapKey(
  wrapped: Buffer,
  decryptBlock: DecryptBlock,
): Promise<{ key: Buffer } | Exclude<Opened, { plaintext: Buffer }>> {
  let check = wrapped.subarray(0, semiblockBytes);
  const key = Buffer.from(wrapped.subarray(semiblockBytes));
  const semiblocks = key.length / semiblockBytes;
  for (let step = 6 * semiblocks; step > 0; step -= 1) {
    const start = ((step - 1) % semiblocks) * semiblockBytes;
    const semiblock = key.subarray(start, start + semiblockBytes);
    const counter = Buffer.alloc(semiblockBytes);
    counter.writeUInt8(step, semiblockBytes - 1);
    const decrypted = await decryptBlock(Buffer.concat([xor(check, counter), semiblock]));
    if (decrypted === undefined) return { failed: "the server did not tell" };
    check = decrypted.subarray(0, semiblockBytes);
    decrypted.copy(semiblock, 0, semiblockBytes);
  }
  return check.equals(integrityCheck) ? { key } : { failed: "wrapped under another key" };
}
