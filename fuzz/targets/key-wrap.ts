import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { z } from "zod";
import { unwrapWithPadding } from "../../src/crypto/aes-key-wrap.js";
import { projectFile } from "../project.js";
import type { Target } from "../target.js";

const vectorsSchema = z.object({
  cases: z.array(z.object({ kek: z.hex(), wrapped: z.hex() })),
});
const keks = [16, 24, 32].map((length) => Buffer.alloc(length, 0x41));
const alternativeIv = Buffer.from("a65959a6", "hex");

/**
 * AES key wrap with padding: an unwrapped key is wrapped to the same bytes. The lowest bit of the first byte says whether
 * the rest is a wrapped key or a key to wrap.
 */
export const keyWrap: Target = {
  name: "key-wrap",
  parsers: ["src/crypto/aes-key-wrap.ts"],
  mutation: "bytes",
  maxBytes: 2048,
  prepare() {
    const json: unknown = JSON.parse(projectFile("test/vectors/nist-kwp-ad.json").toString());
    const wrapped = vectorsSchema.parse(json).cases.map((one) => Buffer.from(one.wrapped, "hex"));
    const ours = keks.map((kek) => wrap(kek, Buffer.alloc(32, 9)));
    const seeds = [...wrapped, ...ours].flatMap((bytes) =>
      [0, 1].map((first) => Buffer.concat([Buffer.of(first), bytes])),
    );
    return Promise.resolve({ seeds, check });
  },
};

function check(input: Uint8Array): string {
  const [first = 0] = input;
  const rest = input.subarray(1);
  const results = keks.map((kek) => {
    if (first % 2 === 1 && rest.length > 0) {
      assert.deepEqual(unwrapWithPadding(kek, wrap(kek, rest)), Buffer.from(rest));
      return "wrapped";
    }
    const key = unwrapWithPadding(kek, rest);
    if (key === undefined) return "refused";
    assert(key.length >= 1 && key.length <= rest.length - 8, `a key of ${key.length} bytes`);
    assert.deepEqual(wrap(kek, key), Buffer.from(rest));
    return "unwrapped";
  });
  return results.join(" ");
}

function wrap(kek: Uint8Array, key: Uint8Array): Buffer {
  return createCipheriv(`id-aes${kek.length * 8}-wrap-pad`, kek, alternativeIv).update(key);
}
