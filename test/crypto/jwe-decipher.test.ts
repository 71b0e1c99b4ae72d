import { createSecretKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { CompactEncrypt, FlattenedEncrypt } from "jose";
import { z } from "zod";
import { sealToken, jweKey } from "../../fuzz/jwe-token.js";
import { JweModelKey } from "../../src/crypto/aes-key.js";
import { unwrapA256Kw } from "../../src/crypto/aes-key-wrap.js";
import { JweDecipher } from "../../src/crypto/jwe-decipher.js";
import { maxHeaderBytes } from "../../src/crypto/jwe-header.js";
import { openJwe } from "../../src/crypto/jwe.js";

const jwcryptoVectors = z
  .object({
    key: z.hex(),
    plaintext: z.string(),
    tokens: z.array(z.object({ alg: z.string(), token: z.string() })),
  })
  .parse(
    JSON.parse(
      readFileSync(new URL("../vectors/jwcrypto-model.json", import.meta.url), "utf8"),
    ) as unknown,
  );
const modelKey = keyOf(jweKey);
const plaintext = Buffer.from("confidential weights: 38 bytes of them");

function keyOf(bytes: Uint8Array): JweModelKey {
  return new JweModelKey(createSecretKey(bytes));
}

/** @returns the plaintext; undefined where `final` refuses the token */
function decipher(
  token: Uint8Array | string,
  ends: readonly number[] = [],
  key = modelKey,
): Buffer | undefined {
  const bytes = Buffer.from(token);
  const stream = new JweDecipher(key);
  const starts = [0, ...ends];
  const parts = starts.map((start, at) => stream.update(bytes.subarray(start, starts[at + 1])));
  try {
    return Buffer.concat([...parts, stream.final()]);
  } catch {
    return undefined;
  }
}

function seal(content: Uint8Array, alg: string, header: object = {}): string {
  const text = JSON.stringify({ alg, enc: "A256GCM", ...header });
  return sealToken({ header: Buffer.from(text), content, isWrapped: alg === "A256KW" });
}

function everyCharacter(token: string): number[] {
  return Array.from({ length: token.length - 1 }, (_, at) => at + 1);
}

describe("a model as JWE decrypts", () => {
  test.each(["A256KW", "dir"])("from jose, with %s, cut at every place", async (alg) => {
    const token = await new CompactEncrypt(plaintext)
      .setProtectedHeader({ alg, enc: "A256GCM", kid: "Model" })
      .encrypt(jweKey);
    expect(decipher(token)).toEqual(plaintext);
    for (let at = 0; at <= token.length; at += 1) expect(decipher(token, [at])).toEqual(plaintext);
    expect(decipher(token, everyCharacter(token))).toEqual(plaintext);
  });

  test.each(jwcryptoVectors.tokens)("from jwcrypto, as KServe encrypts, with $alg", ({ token }) => {
    const key = keyOf(Buffer.from(jwcryptoVectors.key, "hex"));
    expect(decipher(token, [], key)?.toString()).toBe(jwcryptoVectors.plaintext);
  });

  test("of any length, in any chunks", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 2000 }),
        fc.constantFrom("A256KW", "dir"),
        fc.array(fc.nat(3000), { maxLength: 20 }),
        (content, alg, ends) => {
          const token = seal(content, alg);
          expect(
            decipher(
              token,
              ends.sort((a, b) => a - b),
            ),
          ).toEqual(Buffer.from(content));
        },
      ),
      { numRuns: 200 },
    );
  });

  test("with the longest header, whatever the chunks", () => {
    const empty = JSON.stringify({ alg: "A256KW", enc: "A256GCM", kid: "" }).length;
    const kid = "k".repeat((maxHeaderBytes * 3) / 4 - empty);
    const token = seal(plaintext, "A256KW", { kid });
    expect(token.indexOf(".")).toBe(maxHeaderBytes);
    expect(decipher(token, everyCharacter(token))).toEqual(plaintext);
    expect(decipher(seal(plaintext, "A256KW", { kid: `${kid}k` }))).toBeUndefined();
  });
});

describe("a model as JWE is refused", () => {
  test.each(["A256KW", "dir"])(
    "after any change, and cut anywhere, as by openJwe (%s)",
    async (alg) => {
      const token = seal(plaintext, alg);
      const characters = ["B", "_", ".", "=", "+", " ", "\n", "\u0000", ""];
      for (let at = 0; at < token.length; at += 1) {
        for (const character of characters) {
          for (const rest of [token.slice(at + 1), token.slice(at)]) {
            const changed = `${token.slice(0, at)}${character}${rest}`;
            if (changed === token) continue;
            expect([at, character, decipher(changed, [at])]).toEqual([at, character, undefined]);
          }
        }
        expect(await openJwe(Buffer.from(token.slice(0, at)), jweKey)).toBeUndefined();
        expect(decipher(token.slice(0, at), [at >> 1])).toBeUndefined();
      }
    },
  );

  test.each(["=", "==", "\n", " ", ".", "A", "AAAA", "\u0000"])("with %j behind it", (more) => {
    const token = seal(plaintext, "A256KW");
    expect(decipher(`${token}${more}`)).toBeUndefined();
    expect(decipher(`${token}${more}`, [token.length])).toBeUndefined();
    expect(decipher(`${more}${token}`)).toBeUndefined();
  });

  test.each(["A256KW", "dir"])("under another key (%s)", (alg) => {
    expect(decipher(seal(plaintext, alg), [], keyOf(Buffer.alloc(32, 1)))).toBeUndefined();
  });

  test.each([
    [{ zip: "DEF" }],
    [{ crit: ["x"], x: 1 }],
    [{ enc: "A128GCM" }],
    [{ enc: "A256CBC-HS512" }],
    [{ alg: "A128KW" }],
    [{ alg: "A256GCMKW" }],
    [{ alg: "none" }],
    [{ alg: 7 }],
  ])("with the header %j under a valid tag", (header) => {
    expect(decipher(seal(plaintext, "A256KW", header))).toBeUndefined();
    expect(decipher(seal(plaintext, "dir", header))).toBeUndefined();
  });

  test("with a name twice, or another alg than its parts have, under a valid tag", () => {
    for (const [text, isWrapped] of [
      ['{"alg":"dir","enc":"A256GCM","enc":"A256GCM"}', false],
      ['{"alg":"dir","enc":"A256GCM"}', true],
      ['{"alg":"A256KW","enc":"A256GCM"}', false],
    ] as const) {
      const token = sealToken({ header: Buffer.from(text), content: plaintext, isWrapped });
      expect(decipher(token)).toBeUndefined();
    }
  });

  test("in JSON serialisation", async () => {
    const json = await new FlattenedEncrypt(plaintext)
      .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
      .encrypt(jweKey);
    expect(decipher(JSON.stringify(json))).toBeUndefined();
  });

  test("from RFC 7516, appendix A.1, which is encrypted for an RSA key", () => {
    const wrapped = Buffer.alloc(256, 1).toString("base64url");
    const token =
      `eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.${wrapped}.48V1_ALb6US04U3b.` +
      "5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A.XFBoMYUZodetZdvTiFvSkQ";
    expect(decipher(token)).toBeUndefined();
  });

  test.each([
    ["no dot", "A".repeat(1_000_000)],
    ["a header without an end", `eyJ${"A".repeat(1_000_000)}`],
    ["dots alone", ".".repeat(1_000_000)],
    ["a key without an end", `${seal(plaintext, "A256KW").split(".")[0]}.${"A".repeat(1_000_000)}`],
    ["a tag without an end", `${seal(plaintext, "A256KW")}${"A".repeat(1_000_000)}`],
  ])("soon, in many chunks, with %s", (_what, text) => {
    const bytes = Buffer.from(text);
    const stream = new JweDecipher(modelKey);
    const before = process.cpuUsage();
    for (let at = 0; at < bytes.length; at += 10) stream.update(bytes.subarray(at, at + 10));
    expect(() => stream.final()).toThrow("compact serialisation");
    // Were all bytes kept, they would be copied with each chunk: 50 GB.
    expect(process.cpuUsage(before).user).toBeLessThan(3_000_000);
  });

  test.each(["a.b.c.", "A".repeat(10_000)])("after other bytes, in a chunk of its own", (junk) => {
    expect(decipher(`${junk}${seal(plaintext, "A256KW")}`, [junk.length])).toBeUndefined();
  });

  test("whose content key does not unwrap, even if the content is encrypted under the model's key", () => {
    const header = Buffer.from('{"alg":"A256KW","enc":"A256GCM"}');
    const token = sealToken({ header, content: plaintext, isWrapped: false });
    const junk = Buffer.alloc(40, 1).toString("base64url");
    expect(decipher(token.replace("..", `.${junk}.`))).toBeUndefined();
  });

  test("without plaintext after the first error", () => {
    const token = seal(Buffer.alloc(300), "dir");
    const content = token.lastIndexOf(".") - 200;
    const stream = new JweDecipher(modelKey);
    expect(stream.update(Buffer.from(token.slice(0, content))).length).toBeGreaterThan(100);
    expect(stream.update(Buffer.from("!!!!"))).toHaveLength(0);
    expect(stream.update(Buffer.from(token.slice(content)))).toHaveLength(0);
    expect(() => stream.final()).toThrow("compact serialisation");
  });
});

describe("a content key", () => {
  // RFC 3394, section 4.6: 256 bits of key data with a 256-bit KEK.
  const kek = Buffer.from(Array.from({ length: 32 }, (_, at) => at));
  const data = "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f";
  const wrapped = Buffer.from(
    "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
    "hex",
  );

  test("unwraps as RFC 3394 says", () => {
    expect(unwrapA256Kw(createSecretKey(kek), wrapped)?.toString("hex")).toBe(data);
  });

  test("does not unwrap when a bit or its length is changed, or under another key", () => {
    for (let at = 0; at < wrapped.length; at += 1) {
      const changed = Buffer.from(wrapped);
      changed[at] = (changed[at] ?? 0) ^ 0x80;
      expect(unwrapA256Kw(createSecretKey(kek), changed)).toBeUndefined();
      expect(unwrapA256Kw(createSecretKey(kek), wrapped.subarray(0, at))).toBeUndefined();
    }
    expect(unwrapA256Kw(createSecretKey(Buffer.alloc(32, 1)), wrapped)).toBeUndefined();
  });
});
