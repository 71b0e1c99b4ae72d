import { spawnSync } from "node:child_process";
import { createSecretKey } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { compactDecrypt, decodeProtectedHeader } from "jose";
import { sealStream } from "../../../owners/model/seal-stream.js";
import { JweModelKey } from "../../../src/crypto/aes-key.js";
import { JweDecipher } from "../../../src/crypto/jwe-decipher.js";

const key = Buffer.alloc(32, 0x31);

async function seal(chunks: readonly Uint8Array[]): Promise<string> {
  async function* plaintext(): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) yield await Promise.resolve(chunk);
  }
  return (await buffer(sealStream(plaintext(), key, "ModelKey"))).toString("ascii");
}

test("a model is sealed so that jose and the server open it, in any chunks", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 }),
      async (chunks) => {
        const token = await seal(chunks);
        const whole = Buffer.concat(chunks);
        const { plaintext } = await compactDecrypt(token, key);
        expect(Buffer.from(plaintext)).toEqual(whole);
        const decipher = new JweDecipher(new JweModelKey(createSecretKey(key)));
        const opened = decipher.update(Buffer.from(token));
        expect(Buffer.concat([opened, decipher.final()])).toEqual(whole);
      },
    ),
    { numRuns: 60 },
  );
});

test("each file has a content key and an IV of its own, and names the secret", async () => {
  const tokens = [await seal([key]), await seal([key])];
  const [first = [], second = []] = tokens.map((token) => token.split("."));
  for (const part of [1, 2, 3, 4]) expect(first[part]).not.toBe(second[part]);
  expect(tokens.map((token) => decodeProtectedHeader(token))).toEqual(
    Array(2).fill({ alg: "A256KW", enc: "A256GCM", kid: "ModelKey" }),
  );
});

const python = ["/usr/bin/python3", "python3"].find(
  (one) => spawnSync(one, ["-c", "import jwcrypto"]).status === 0,
);
const testWithPython = python === undefined ? test.skip : test;
if (python === undefined) {
  process.stderr.write(
    "skipped: KServe's library needs python3 with jwcrypto (Debian: python3-jwcrypto)\n",
  );
}

/** As JWEDecryptor.decrypt_file of KServe 0.20 does: python/storage/kserve_storage/confidential/jwe_decryptor.py. */
const asKServe = `
import sys
from jwcrypto import jwe, jwk
key, token = bytes.fromhex(sys.argv[1]), sys.stdin.read()
one = jwe.JWE()
one.deserialize(token)
one.decrypt(jwk.JWK(kty="oct", k=jwe.base64url_encode(key)))
sys.stdout.buffer.write(one.payload)
`;

testWithPython("jwcrypto opens it, called as KServe calls it", async () => {
  const model = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 7) % 251));
  const token = await seal([model.subarray(0, 33_334), model.subarray(33_334)]);
  const { stdout, stderr } = spawnSync(python ?? "", ["-c", asKServe, key.toString("hex")], {
    input: token,
  });
  expect(stderr.toString()).toBe("");
  expect(stdout.equals(model)).toBe(true);
});
