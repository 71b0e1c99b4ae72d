import assert from "node:assert/strict";
import { decodeJwt } from "jose";
import { readUnverifiedToken } from "../../owners/policy/attestation-token.js";
import { isTooDeep } from "../json-depth.js";
import { attempt, isPlainError } from "../refusal.js";
import type { Target } from "../target.js";

const payloads = [
  '{"iss":"https://a.example","exp":1700000000,"nbf":1600000000}',
  '{"exp":"soon"}',
  "{}",
  "[]",
];

/** Attestation tokens: the claims are those that jose reads; an error does not contain the token. */
export const attestationToken: Target = {
  name: "attestation-token",
  parsers: ["owners/policy/attestation-token.ts"],
  mutation: "token",
  maxBytes: 8192,
  prepare: () =>
    Promise.resolve({
      seeds: payloads.flatMap((payload) => [
        Buffer.from(
          ['{"alg":"RS256"}', payload, "a signature"]
            .map((part) => Buffer.from(part).toString("base64url"))
            .join("."),
        ),
        Buffer.from(payload),
      ]),
      check,
    }),
};

async function check(input: Uint8Array): Promise<string> {
  const text = Buffer.from(input).toString();
  const result = await attempt(() => readUnverifiedToken(text), isPlainError);
  if ("refusal" in result) {
    assert(
      /^not (?:a JWT|claims): [a-z0-9 :'-]+$/iu.test(result.refusal.message),
      "a message with the token in it",
    );
    return result.refusal.message;
  }
  const { claims, expiresAt, notBefore } = result.value;
  for (const date of [expiresAt, notBefore]) {
    if (date !== undefined) assert(!Number.isNaN(date.getTime()), "a date that is none");
  }
  const payload = Buffer.from(text.split(".")[1] ?? "", "base64url").toString();
  const theirs = isTooDeep(payload) ? undefined : decode(text.trim());
  // zod drops this name, which no claim has.
  if (theirs !== undefined && !Object.hasOwn(theirs, "__proto__")) assert.deepEqual(claims, theirs);
  return `${expiresAt !== undefined} ${notBefore !== undefined} ${theirs !== undefined}`;
}

function decode(text: string): object | undefined {
  try {
    return decodeJwt(text);
  } catch {
    return undefined;
  }
}
