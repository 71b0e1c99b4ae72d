import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { buildHashTree } from "../../../scripts/rootfs/verity.js";

const blockBytes = 4096;

/** Block i is full of i modulo 251. */
function image(blocks: number): Buffer {
  return Buffer.concat(Array.from({ length: blocks }, (_, i) => Buffer.alloc(blockBytes, i % 251)));
}

describe("the hash tree", () => {
  // cryptsetup 2.6.1: veritysetup format --salt=<64 zeros> --uuid=636f6e66-6d6c-8000-8000-000000000001
  // --hash-offset=<end of the image>; the bytes that it appends.
  test.each([
    [
      128,
      "4d519977a185fe053cccc7102dac67d9b680a8b9b73194d90a30f444f25005d8",
      "e2094873b2720ffe6da033a72fd4c74cea5557ed723d7daca2708e4950b0a516",
    ],
    [
      130,
      "3b78ad390a310d0bd516a96cbfd244d307fd1932f4ab3ed86e74f2fa59df6a05",
      "a83c6d5a136a7e1acbe6fb5a5fadf0a430e6aa77a7cf057b3411a5b8455e847f",
    ],
    [
      16_500,
      "7728b12e40e9e5f09c7ae70f587c276d98adf004a869b9b2fccb3e28691ca048",
      "8ae8288f01f34ea30dfb6014fb873bbffdc94d3045ef434f9018c30e770c88e4",
    ],
  ])("over %d blocks is veritysetup's, byte for byte", (blocks, rootHash, sha256) => {
    const tree = buildHashTree(image(blocks));
    expect(tree.rootHash.toString("hex")).toBe(rootHash);
    expect(createHash("sha256").update(tree.bytes).digest("hex")).toBe(sha256);
  });

  test("has another root for every change", () => {
    const original = image(130);
    const { rootHash } = buildHashTree(original);
    fc.assert(
      fc.property(
        fc.nat({ max: original.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (at, bits) => {
          const changed = Buffer.from(original);
          changed.writeUInt8(changed.readUInt8(at) ^ bits, at);
          expect(buildHashTree(changed).rootHash.equals(rootHash)).toBe(false);
        },
      ),
      { numRuns: 50 },
    );
  });

  test.each([0, 1, 4096, 8191])("is not built over %d bytes", (bytes) => {
    expect(() => buildHashTree(Buffer.alloc(bytes))).toThrow(`got ${bytes} bytes`);
  });
});
