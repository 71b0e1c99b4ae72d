/**
 * The block at the end of an image that tells Mystikos where the hash tree is (its include/myst/fssig.h,
 * myst_fssig_t). Unsigned: what vouches for the root hash is the enclave's measurement, which holds it.
 */
const bytes = 4096;
const magic = 0xf551_98a1_5362_4d38n;
const version = 1n;

/** @param hashOffset where the hash tree begins, in bytes */
export function imageTrailer(hashOffset: number, rootHash: Buffer): Buffer {
  const trailer = Buffer.alloc(bytes);
  trailer.writeBigUInt64LE(magic, 0);
  trailer.writeBigUInt64LE(version, 8);
  trailer.writeBigUInt64LE(BigInt(hashOffset), 16);
  rootHash.copy(trailer, 24);
  return trailer;
}
