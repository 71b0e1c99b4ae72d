import assert from "node:assert/strict";
import { escapeInvisible, quote } from "../../src/policy/wording.js";
import { parseRetryAfter } from "../../src/net/http-failure.js";
import { quoteRemote } from "../../src/net/remote-text.js";
import type { Target } from "../target.js";

const longest = 301;
/** What setTimeout takes; of more it makes 1. */
const longestTimerMs = 2 ** 31 - 1;
const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0";
const seeds = [
  `AADSTS7000215: Invalid client secret provided: ${secret}.\r\nTrace ID: 1f3b0ad7-6a2e-4c3d-9d1c-0a1b2c3d4e5f`,
  "vault.confml-example.managedhsm.azure.net does not resolve",
  "120",
  "Wed, 21 Oct 2026 07:28:00 GMT",
];

/** What other machines write: answers that are quoted, values that are shown, and `Retry-After`. */
export const remoteText: Target = {
  name: "remote-text",
  parsers: ["src/net/remote-text.ts", "src/net/http-failure.ts", "src/policy/wording.ts"],
  mutation: "bytes",
  maxBytes: 65_536,
  dictionary: [secret, "\n", "\u00a0", ".a", "-", "a1b2c3d4-", "9999999"],
  prepare: () => Promise.resolve({ seeds: seeds.map((seed) => Buffer.from(seed)), check }),
};

function check(input: Uint8Array): string {
  const text = Buffer.from(input).toString();
  const quoted = quoteRemote(text);
  assert(quoted.length <= longest, `a text of ${quoted.length} characters`);
  assert(!/[\n\r\p{Cc}]/u.test(quoted), "a control character");
  assert(!quoted.includes(secret), "a secret");
  if (quoted.length < longest)
    assert.equal(quoteRemote(quoted), quoted, "another text when it is quoted again");
  // What is cut at its end may be part of a GUID.
  const whole = quoted.replace(/\S*…$/u, "");
  for (const run of whole.match(/[A-Za-z0-9+/_~=.-]{24,}/gu) ?? []) {
    const isName = run.split(".").every((label) => label.length <= 24);
    assert(isName || run.length === 36, `a run of ${run.length} characters`);
  }
  const shown = quote(text);
  assert(shown.length <= 201 && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(shown));
  assert(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(escapeInvisible(text)));
  const delay = parseRetryAfter(text);
  if (delay !== undefined) assert(delay >= 0 && delay <= longestTimerMs, `a delay of ${delay} ms`);
  return `${quoted.includes("[hidden]")} ${quoted.length === longest} ${typeof delay}`;
}
