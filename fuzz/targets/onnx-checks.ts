import assert from "node:assert/strict";
import { hasExternalData } from "../../src/onnx/external-data.js";
import { findRandomOperator, findRandomOperatorInOrt } from "../../src/onnx/random-operators.js";
import { someMessage } from "../../src/onnx/walk-model.js";
import { onnxSeeds } from "../onnx-seeds.js";
import { attempt, isOwnRangeError, type Attempt } from "../refusal.js";
import type { Target } from "../target.js";

/** The checks of a model's bytes that are made before ONNX Runtime reads them. */
export const onnxChecks: Target = {
  name: "onnx-checks",
  parsers: [
    "src/onnx/external-data.ts",
    "src/onnx/random-operators.ts",
    "src/onnx/walk-model.ts",
    "src/onnx/wire.ts",
  ],
  mutation: "bytes",
  maxBytes: 65_536,
  dictionary: ["RandomNormal", "Dropout", "\x70\x01", "\x6a\x00", "\x0c\x00\x00\x00RandomNormal"],
  prepare: () => Promise.resolve({ seeds: onnxSeeds(), check }),
};

async function check(input: Uint8Array): Promise<string> {
  const names: string[] = [];
  const walk = await attempt(
    () =>
      someMessage(input, (name) => {
        names.push(name);
        return false;
      }),
    isOwnRangeError,
  );
  // Each message takes at least 2 bytes of the input.
  assert(names.length <= input.length + 1, `${names.length} messages`);
  const external = await attempt(() => hasExternalData(input), isOwnRangeError);
  const random = await attempt(() => findRandomOperator(input), isOwnRangeError);
  const inOrt = findRandomOperatorInOrt(input);
  const bytes = Buffer.from(input);
  if (inOrt !== undefined) assert(bytes.includes(inOrt), "a name that is not there");
  const operator = "value" in random ? random.value : undefined;
  if (operator !== undefined) assert(bytes.includes(operator), "an operator that is not there");
  // Where a message cannot be read to its end, each check has to refuse it or to find something.
  if ("refusal" in walk) {
    for (const result of [external, random] as Attempt<unknown>[]) {
      assert("refusal" in result || Boolean(result.value), "no refusal of what is no message");
    }
  }
  return `${word(walk)} ${word(external)} ${word(random)} ${inOrt}`;
}

function word(result: Attempt<unknown>): string {
  return "refusal" in result ? result.refusal.message : String(result.value);
}
