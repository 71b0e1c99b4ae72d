export const blockBytes = 16;

/**
 * One block of ciphertext and what AES decryption makes of it. Whoever has one such pair and chooses the block in
 * front of it chooses what CBC decrypts the pair to.
 */
export interface KnownBlock {
  ciphertext: Buffer;
  /** D(ciphertext) under the key of `.encrypted` uploads. */
  decrypted: Buffer;
}

/**
 * The pair that a captured `.encrypted` picture gives away. Its IV is zero, so its first block decrypts to the
 * picture's first 16 bytes, and those depend on the encoder and its quality setting alone.
 *
 * @param captured a `.encrypted` file
 * @param picture any picture that the same encoder wrote
 */
export function knownBlock(captured: Buffer, picture: Buffer): KnownBlock {
  return {
    ciphertext: captured.subarray(0, blockBytes),
    decrypted: picture.subarray(0, blockBytes),
  };
}

/** @returns two blocks of ciphertext: one that decrypts to anything, and one that decrypts to `wanted` */
export function forge({ ciphertext, decrypted }: KnownBlock, wanted: Buffer): Buffer {
  if (wanted.length !== blockBytes) throw new Error(`expected 16 bytes; got ${wanted.length}`);
  return Buffer.concat([xor(decrypted, wanted), ciphertext]);
}

/** @param other at least as long as `one` */
export function xor(one: Buffer, other: Buffer): Buffer {
  return Buffer.from(one.map((byte, index) => byte ^ other.readUInt8(index)));
}
