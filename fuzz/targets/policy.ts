import assert from "node:assert/strict";
import { evaluatePolicy } from "../../owners/policy/evaluate.js";
import { explainPolicy } from "../../owners/policy/explain.js";
import type { Node } from "../../client/policy/conditions.js";
import { parsePolicy, type ReleasePolicy } from "../../owners/policy/grammar.js";
import { trustOf, warnings } from "../../owners/policy/warnings.js";
import { attempt, isPlainError } from "../refusal.js";
import type { Target } from "../target.js";

const authority = "https://confml.weu.attest.azure.net";
const conditions = [
  { claim: "x-ms-attestation-type", equals: "sgx" },
  { claim: "x-ms-sgx-mrenclave", equals: "5f".repeat(32) },
  { claim: "x-ms-sgx-svn", greaterOrEquals: 2 },
  { claim: "x-ms-sgx-is-debuggable", equals: "false" },
];
const policies = [
  { version: "1.0.0", anyOf: [{ authority, allOf: conditions }] },
  {
    version: "1.0.0",
    anyOf: [
      { authority, anyOf: [{ allOf: conditions }, { claim: "a.b", exists: "true" }] },
      {
        authority: "https://a.example",
        allOf: [
          { claim: "n", less: "1.5" },
          { claim: "m", notEquals: true },
        ],
      },
    ],
  },
];
const claims = {
  iss: authority,
  "x-ms-attestation-type": "sgx",
  "x-ms-sgx-svn": 3,
  a: { b: null },
  n: "1",
  m: "x",
};

/** Release policies: each is read and explained, or refused; a policy that is read and written is read as the same policy. */
export const policy: Target = {
  name: "policy",
  parsers: [
    "owners/policy/grammar.ts",
    "owners/policy/explain.ts",
    "owners/policy/evaluate.ts",
    "owners/policy/warnings.ts",
  ],
  mutation: "json",
  maxBytes: 32_768,
  prepare: () =>
    Promise.resolve({ seeds: policies.map((one) => Buffer.from(JSON.stringify(one))), check }),
};

async function check(input: Uint8Array): Promise<string> {
  const text = Buffer.from(input).toString();
  const result = await attempt(() => parsePolicy(text), isPlainError);
  if ("refusal" in result) return result.refusal.message.replace(/"[^"]*"/gu, '""');
  const read = result.value;
  assert.deepEqual(
    parsePolicy(write(read)),
    read,
    "a policy that is read otherwise once it is written",
  );
  for (const line of [...explainPolicy(read), ...warnings(read)]) {
    assert(!/[\p{Cc}\p{Cf}\p{Cs}]/u.test(line), "a line with what a terminal does not show");
    assert(line.length <= 5000, `a line of ${line.length} characters`);
  }
  const results = evaluatePolicy(read, claims);
  assert.equal(results.length, read.branches.length);
  return [
    read.branches.length,
    JSON.stringify(trustOf(read)),
    ...results.map(({ unmet }) => unmet.length),
  ].join(" ");
}

function write({ branches }: ReleasePolicy): string {
  const anyOf = branches.map((one) => ({ authority: one.authority, ...writeNode(one.conditions) }));
  return JSON.stringify({ version: "1.0.0", anyOf });
}

function writeNode(node: Node): object {
  return node.kind === "condition"
    ? { claim: node.claim, [node.operator]: node.value }
    : { [node.kind]: node.parts.map(writeNode) };
}
