import { createHash } from "node:crypto";

/**
 * A hash tree over an image as dm-verity has it, in what Mystikos reads of it (its verityblkdev.c): hash
 * type 1, SHA-256, blocks of 4,096 bytes, a salt of 32 bytes.
 *
 * Source: the Linux kernel's Documentation/admin-guide/device-mapper/verity.rst, "Hash Tree", and
 * cryptsetup's "DMVerity" on-disk format; `veritysetup format` gives the same bytes.
 */
export interface HashTree {
  /** 32 bytes: of the one block at the tree's top. */
  rootHash: Buffer;
  /** The superblock in a block of its own, then the levels, the top one first. */
  bytes: Buffer;
}

const blockBytes = 4096;
const hashBytes = 32;
/**
 * The hash tree's salt. A random one would hide which content was hashed; this image is public, and its hash
 * must be the same for everybody who builds it.
 */
const salt = Buffer.alloc(32);
/** Names no device; a version 8 UUID (RFC 9562, section 5.8), always the same. */
const uuid = Buffer.from("636f6e666d6c80008000000000000001", "hex");

/** @param image whole blocks, two at the least: one alone would have no tree over it */
export function buildHashTree(image: Buffer): HashTree {
  if (image.length < 2 * blockBytes || image.length % blockBytes !== 0) {
    throw new Error(
      `expected two or more blocks of ${blockBytes} bytes; got ${image.length} bytes`,
    );
  }
  const levels: Buffer[] = [];
  let below = image;
  do {
    below = hashLevel(below);
    levels.unshift(below);
  } while (below.length > blockBytes);
  return {
    rootHash: hashBlock(below),
    bytes: Buffer.concat([superblock(image.length / blockBytes), ...levels]),
  };
}

/** The hashes of all blocks, side by side, with zeros to the end of the last block. */
function hashLevel(below: Buffer): Buffer {
  const blocks = below.length / blockBytes;
  const level = Buffer.alloc(Math.ceil((blocks * hashBytes) / blockBytes) * blockBytes);
  for (let block = 0; block < blocks; block += 1) {
    const start = block * blockBytes;
    hashBlock(below.subarray(start, start + blockBytes)).copy(level, block * hashBytes);
  }
  return level;
}

function hashBlock(block: Buffer): Buffer {
  return createHash("sha256").update(salt).update(block).digest();
}

function superblock(dataBlocks: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  block.write("verity\0\0", 0, "latin1");
  block.writeUInt32LE(1, 8); // version
  block.writeUInt32LE(1, 12); // hash type: the salt comes before the block
  uuid.copy(block, 16);
  block.write("sha256", 32, "latin1");
  block.writeUInt32LE(blockBytes, 64); // data
  block.writeUInt32LE(blockBytes, 68); // hashes
  block.writeBigUInt64LE(BigInt(dataBlocks), 72);
  block.writeUInt16LE(salt.length, 80);
  salt.copy(block, 88);
  return block;
}
