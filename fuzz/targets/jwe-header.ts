import assert from "node:assert/strict";
import { openJwe } from "../../src/crypto/jwe.js";
import { maxHeaderBytes, readHeader } from "../../src/crypto/jwe-header.js";
import { headerOf, jweKey, openWithJose, sealToken } from "../jwe-token.js";
import type { Target } from "../target.js";

const headers = [
  '{"alg":"dir","enc":"A256GCM","kid":"mine"}',
  '{"alg":"A256KW","enc":"A256GCM","kid":"mine","cty":"json"}',
  '{"alg":"dir","enc":"A256GCM","kid":"mine","\\u006bid":"other"}',
  '{"alg":"dir","enc":"A256GCM","x":[{"a":1,"b":{"a":2}},{"a":"{\\"a\\":[,"}],"zip":"DEF"}',
  '{"alg":"dir","enc":"A256GCM","crit":["exp"],"exp":1,"b64":false}',
];
const content = Buffer.from("a picture");

/** JWE headers in tokens with a valid tag: headers are read as JSON.parse does, and tokens are opened as jose does. */
export const jweHeader: Target = {
  name: "jwe-header",
  parsers: ["src/crypto/jwe-header.ts", "src/crypto/jwe.ts"],
  mutation: "json",
  maxBytes: 8192,
  dictionary: ['"alg":"dir",', '"kid":', "\\u0061", "\\\\", '"', "{", "}", ":", "\ufeff", "\u00e9"],
  prepare: () => Promise.resolve({ seeds: headers.map((header) => Buffer.from(header)), check }),
};

async function check(input: Uint8Array): Promise<string> {
  const encoded = Buffer.from(input).toString("base64url");
  const fits = encoded.length > 0 && encoded.length <= maxHeaderBytes;
  const expected = fits ? headerOf(input) : undefined;
  assert.deepStrictEqual(
    readHeader(Buffer.from(`${encoded}.`)),
    expected,
    "another header than JSON.parse's",
  );
  const isWrapped = expected?.["alg"] === "A256KW";
  const token = Buffer.from(sealToken({ header: input, content, isWrapped }));
  const ours = await openJwe(token, jweKey);
  const theirs = await openWithJose(token);
  if (ours !== undefined) {
    assert(theirs !== undefined, "a token opens that jose refuses");
    assert.deepEqual(Buffer.from(ours), content);
    return `opens ${isWrapped}`;
  }
  const isPlain = expected !== undefined && !("zip" in expected) && !("crit" in expected);
  assert(theirs === undefined || !isPlain, "jose opens a token that is refused here");
  return expected === undefined ? "no header" : JSON.stringify([expected["alg"], expected["enc"]]);
}
