import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readKeyFile as readCommandKeyFile } from "../../owners/key/key-file.js";
import { readKeyFile } from "../../src/secrets/key-file.js";
import { attempt, hasCode, isPlainError } from "../refusal.js";
import type { Target } from "../target.js";

const keyBytes = 32;

/** Key files: a file of 32 bytes is a key, every other file is refused. */
export const keyFile: Target = {
  name: "key-file",
  parsers: ["src/secrets/key-file.ts", "owners/key/key-file.ts"],
  mutation: "bytes",
  maxBytes: 256,
  prepare: (scratch) =>
    Promise.resolve({
      seeds: [0, 31, 32, 33, 64].map((length) => Buffer.alloc(length, 0x30)),
      check: (input) => check(input, join(scratch, "key")),
    }),
};

async function check(input: Uint8Array, file: string): Promise<string> {
  writeFileSync(file, input);
  const results = [
    await attempt(() => readKeyFile(file), hasCode("KEY_FILE_FAILED")),
    await attempt(() => readCommandKeyFile(file), isPlainError),
  ];
  for (const result of results) {
    assert.equal("value" in result, input.length === keyBytes);
    if ("value" in result) assert.deepEqual(result.value, Buffer.from(input));
  }
  return input.length === keyBytes ? "a key" : "none";
}
