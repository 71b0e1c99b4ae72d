import assert from "node:assert/strict";
import { readAllDer, type DerValue } from "../../src/crypto/der.js";
import {
  readBoolean,
  readObjectIdentifier,
  readSmallInteger,
} from "../../src/crypto/der-values.js";
import { encodeDer } from "../der-tree.js";
import { projectFiles } from "../project.js";
import { attempt, isPlainError, type Attempt } from "../refusal.js";
import type { Target } from "../target.js";

/** Values whose length has more bytes than necessary. */
const long = ["3081020500", "0482000105", "048400000080" + "05".repeat(128)].map((hex) =>
  Buffer.from(hex, "hex"),
);
const constructedBit = 0x20;

/** DER: values, at every depth, are written back to the same bytes. */
export const der: Target = {
  name: "der",
  parsers: ["src/crypto/der.ts", "src/crypto/der-values.ts"],
  mutation: "der",
  maxBytes: 8192,
  dictionary: [
    "\x30\x80",
    "\x30\x81\x80",
    "\x30\x84\xff\xff\xff\xff",
    "\x06\x03\x55\x1d\x0f",
    "\x01\x01\xff",
  ],
  prepare: () =>
    Promise.resolve({
      seeds: [...projectFiles("test/fixtures/certificates", /\.der$/u), ...long],
      check,
    }),
};

async function check(input: Uint8Array): Promise<string> {
  const result = await attempt(() => readAllDer(input), isPlainError);
  if ("refusal" in result) return result.refusal.message;
  return checkValues(input, result.value);
}

/** @returns the first error of a nested value, or `read` */
async function checkValues(input: Uint8Array, values: readonly DerValue[]): Promise<string> {
  const whole = Buffer.concat(values.map(({ tag, content }) => encodeDer(tag, content)));
  assert.deepEqual(whole, Buffer.from(input), "values that are written to other bytes");
  const outcomes: string[] = [];
  for (const value of values) {
    await checkScalar(value);
    if ((value.tag & constructedBit) === 0) continue;
    const inner = await attempt(() => readAllDer(value.content), isPlainError);
    if ("refusal" in inner) outcomes.push(inner.refusal.message);
    else outcomes.push(await checkValues(value.content, inner.value));
  }
  return outcomes.find((outcome) => outcome !== "read") ?? "read";
}

async function checkScalar(value: DerValue): Promise<void> {
  const identifier = await attempt(() => readObjectIdentifier(value), isPlainError);
  if ("value" in identifier && value.content.length > 0) {
    assert.deepEqual(encodeIdentifier(identifier.value), Buffer.from(value.content));
  }
  const scalars: Attempt<unknown>[] = [
    await attempt(() => readBoolean(value), isPlainError),
    await attempt(() => readSmallInteger(value), isPlainError),
  ];
  for (const scalar of scalars) if ("value" in scalar) assert.equal(value.content.length, 1);
}

/** Encodes an object identifier (X.690, section 8.19). */
function encodeIdentifier(text: string): Buffer {
  const [root = 0, second = 0, ...rest] = text.split(".").map(Number);
  return Buffer.from([root * 40 + second, ...rest].flatMap(encodeArc));
}

function encodeArc(arc: number): number[] {
  const bytes = [arc % 128];
  for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
    bytes.unshift((left % 128) | 0x80);
  }
  return bytes;
}
