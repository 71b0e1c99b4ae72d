export const blockBytes = 16;

/**
 * One block of ciphertext and its AES decryption. An attacker who has one such pair and chooses the block in
 * front of it determines what CBC decrypts the ciphertext to.
 */
export interface KnownBlock {
  ciphertext: Buffer;
  /** D(ciphertext) under the key of `.encrypted` uploads. */
  decrypted: Buffer;
}

/**
 * Finds the pair in a captured `.encrypted` picture. The IV is zero, so the first block decrypts to the
 * picture's first 16 bytes, which depend only on the encoder and its quality setting.
 *
 * @param captured a `.encrypted` file
 * @param picture any picture by the same encoder
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
