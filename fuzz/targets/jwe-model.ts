import assert from "node:assert/strict";
import { createSecretKey } from "node:crypto";
import { JweModelKey } from "../../src/crypto/aes-key.js";
import { JweDecipher } from "../../src/crypto/jwe-decipher.js";
import { openJwe } from "../../src/crypto/jwe.js";
import { jweKey, sealToken } from "../jwe-token.js";
import type { Target } from "../target.js";

const key = new JweModelKey(createSecretKey(jweKey));

/** Models as JWE: read as a stream, in chunks of several lengths, they give what `openJwe` gives for the whole token. */
export const jweModel: Target = {
  name: "jwe-model",
  parsers: ["src/crypto/jwe-decipher.ts", "src/crypto/base64url.ts"],
  mutation: "token",
  maxBytes: 16_384,
  dictionary: [".", "..", "=", "==", "+", "/", "-", "_", "\n", " "],
  prepare: () =>
    Promise.resolve({
      seeds: [0, 1, 2, 3, 300].flatMap((length) =>
        ["dir", "A256KW"].map((alg) => {
          const header = Buffer.from(JSON.stringify({ alg, enc: "A256GCM" }));
          const isWrapped = alg === "A256KW";
          return Buffer.from(sealToken({ header, content: Buffer.alloc(length, 7), isWrapped }));
        }),
      ),
      check,
    }),
};

async function check(input: Uint8Array): Promise<string> {
  const whole = await openJwe(input, jweKey);
  for (const chunkBytes of [1, 7, 61, Math.max(1, input.length)]) {
    const streamed = decipher(input, chunkBytes);
    assert.deepEqual(streamed, whole === undefined ? undefined : Buffer.from(whole));
  }
  return whole === undefined ? "refused" : "opens";
}

function decipher(input: Uint8Array, chunkBytes: number): Buffer | undefined {
  const stream = new JweDecipher(key);
  const parts: Buffer[] = [];
  for (let at = 0; at < input.length; at += chunkBytes) {
    parts.push(stream.update(input.subarray(at, at + chunkBytes)));
  }
  try {
    return Buffer.concat([...parts, stream.final()]);
  } catch {
    return undefined;
  }
}
