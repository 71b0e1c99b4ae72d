import assert from "node:assert/strict";
import { openJwe, readKid } from "../../src/crypto/jwe.js";
import { maxHeaderBytes, readCompactJwe } from "../../src/crypto/jwe-header.js";
import { headerOf, jweKey, openWithJose, sealToken } from "../jwe-token.js";
import type { Target } from "../target.js";

/** JWE tokens: jose opens all that are opened here, with the same result; strict tokens that jose opens are opened here. */
export const jwe: Target = {
  name: "jwe",
  parsers: ["src/crypto/jwe.ts", "src/crypto/jwe-header.ts", "src/crypto/base64url.ts"],
  mutation: "token",
  maxBytes: 16_384,
  dictionary: [".", "=", "==", "+", "/", "-", "_", "\n", " "],
  prepare: () =>
    Promise.resolve({
      seeds: ["", "1", "12", "a picture"].flatMap((text) =>
        ["dir", "A256KW"].flatMap((alg) => {
          const header = Buffer.from(JSON.stringify({ alg, enc: "A256GCM", kid: "mine" }));
          const content = Buffer.from(text);
          const token = sealToken({ header, content, isWrapped: alg === "A256KW" });
          return [token, withUnusedBits(token), `${token}==`].map((one) => Buffer.from(one));
        }),
      ),
      check,
    }),
};

/** Sets one of the 4 bits of the tag's last character that a lenient decoder ignores. */
function withUnusedBits(token: string): string {
  const others: Record<string, string> = { A: "B", Q: "R", g: "h", w: "x" };
  return token.slice(0, -1) + (others[token.slice(-1)] ?? "");
}

async function check(input: Uint8Array): Promise<string> {
  const kid = readKid(input);
  const token = readCompactJwe(input);
  const ours = await openJwe(input, jweKey);
  const theirs = await openWithJose(input);
  if (token !== undefined) checkParts(input, token);
  if (ours === undefined) {
    assert(
      theirs === undefined || !isStrict(input),
      "jose opens a strict token that is refused here",
    );
    return `${typeof kid} ${token === undefined ? "no token" : "does not open"}`;
  }
  assert(theirs !== undefined, "a token opens that jose refuses");
  assert.deepEqual(Buffer.from(ours), Buffer.from(theirs), "another plaintext than jose's");
  return `${typeof kid} opens`;
}

/** The decoded parts are encoded to the same text. */
function checkParts(
  input: Uint8Array,
  { encryptedKey, iv, sealed, protectedHeader }: NonNullable<ReturnType<typeof readCompactJwe>>,
): void {
  const encode = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
  const header = Buffer.from(protectedHeader).toString("latin1");
  const content = [sealed.subarray(0, -16), sealed.subarray(-16)];
  const text = [header, ...[encryptedKey, iv, ...content].map(encode)].join(".");
  assert.equal(text, Buffer.from(input).toString("latin1"), "parts that are not the token's");
}

function isStrict(token: Uint8Array): boolean {
  const parts = Buffer.from(token).toString("latin1").split(".");
  const [head = ""] = parts;
  const header = headerOf(Buffer.from(head, "base64url"));
  return (
    parts.every((part) => Buffer.from(part, "base64url").toString("base64url") === part) &&
    head.length <= maxHeaderBytes &&
    header !== undefined &&
    !("zip" in header) &&
    !("crit" in header)
  );
}
