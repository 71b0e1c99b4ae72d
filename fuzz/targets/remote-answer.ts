import assert from "node:assert/strict";
import { escapeInvisible, quote } from "../../client/policy/wording.js";
import { parseRetryAfter } from "../../src/net/http-failure.js";
import { isTooDeep, parseShallowJson } from "../../src/net/shallow-json.js";
import {
  describeAzureAdRefusal,
  describeVaultRefusal,
} from "../../src/secrets/mhsm/refusal-codes.js";
import { publicClaims } from "../../src/secrets/mhsm/public-claims.js";
import type { Target } from "../target.js";

/** The longest delay of setTimeout, which replaces a longer one by 1 ms. */
const longestTimerMs = 2 ** 31 - 1;
const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0";
const seeds = [
  `{"error":"invalid_client","error_description":"AADSTS7000215: ${secret}","error_codes":[7000215]}`,
  `{"error":"${secret}","error_codes":[4242,"${secret}"]}`,
  `{"error":{"code":"Forbidden","message":"no","innererror":{"code":"ForbiddenByPolicy"}}}`,
  `{"error":{"code":"${secret}","innererror":{"code":"${secret}"}}}`,
  `{"iss":"https://a.example","exp":1,"x-ms-sgx-svn":2,"x-ms-sgx-is-debuggable":false,"${secret}":"${secret}"}`,
  `${"[".repeat(40)}${"]".repeat(40)}`,
  "120",
  "Wed, 21 Oct 2026 07:28:00 GMT",
];
/** The only characters in a description. */
const words = /^[A-Za-z0-9_'(), :;./-]{0,300}$/u;

/** Answers of other machines: described refusals, displayed claims and values, and `Retry-After`. */
export const remoteAnswer: Target = {
  name: "remote-answer",
  parsers: [
    "src/net/shallow-json.ts",
    "src/net/http-failure.ts",
    "client/policy/wording.ts",
    "src/secrets/mhsm/public-claims.ts",
    "src/secrets/mhsm/refusal-codes.ts",
  ],
  mutation: "bytes",
  maxBytes: 65_536,
  dictionary: [secret, "error", "code", "innererror", "error_codes", "iss", "{", "[", "9999999"],
  prepare: () => Promise.resolve({ seeds: seeds.map((seed) => Buffer.from(seed)), check }),
};

function check(input: Uint8Array): string {
  const text = Buffer.from(input).toString();
  const told = [describeAzureAdRefusal(text), describeVaultRefusal(text)];
  for (const description of told) {
    assert(words.test(description), `a description of ${description.length} characters`);
    assert(!description.includes("c2Vj") && !description.includes("cmV0"), "a piece of a secret");
  }
  if (isTooDeep(text)) assert.equal(parseShallowJson(text), undefined, "JSON that nests too deep");
  const claims = publicClaims(`e30.${Buffer.from(text).toString("base64url")}.`);
  assert(JSON.stringify(claims).length < 1000, "claims without a bound");
  const shown = quote(text);
  assert(shown.length <= 201 && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(shown));
  assert(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(escapeInvisible(text)));
  const delay = parseRetryAfter(text);
  if (delay !== undefined) assert(delay >= 0 && delay <= longestTimerMs, `a delay of ${delay} ms`);
  return `${told.map((one) => one.replace(/\d+/gu, "#")).join("|")} ${Object.keys(claims).length} ${typeof delay}`;
}
