import assert from "node:assert/strict";
import { z } from "zod";
import { readModel } from "../../src/onnx/read.js";
import { readFields, readPackedVarints } from "../../src/onnx/wire.js";
import { rewriteModel } from "../../src/onnx/write.js";
import { onnxSeeds } from "../onnx-seeds.js";
import { attempt, isOwnRangeError } from "../refusal.js";
import type { Target } from "../target.js";

const number = z.number();

/** ONNX: a model that is read and written is read as the same model; the fields of a message are all of its bytes. */
export const onnx: Target = {
  name: "onnx",
  parsers: ["src/onnx/wire.ts", "src/onnx/read.ts", "src/onnx/write.ts"],
  mutation: "bytes",
  maxBytes: 65_536,
  dictionary: [
    "\x0a\x00",
    "\x2a\x02",
    "\x32\x02",
    "\x3a\x80\x80\x80\x80\x08",
    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
  ],
  prepare: () => Promise.resolve({ seeds: onnxSeeds(), check }),
};

async function check(input: Uint8Array): Promise<string> {
  const message = await attempt(() => [...readFields(input)], isOwnRangeError);
  if ("value" in message) {
    const whole = Buffer.concat(message.value.map(({ encoded }) => encoded));
    assert.deepEqual(whole, Buffer.from(input), "fields that are not the whole message");
    for (const { value } of message.value) number.parse(value);
  }
  const packed = await attempt(() => readPackedVarints(input), isOwnRangeError);
  if ("value" in packed) assert(packed.value.length <= input.length);
  const model = await attempt(() => readModel(input), isOwnRangeError);
  if ("refusal" in model) return model.refusal.message;
  assert("value" in message, "a model of what is no message");
  const { nodes, tensors, inputs, outputs, opsets } = model.value;
  const again = readModel(rewriteModel(model.value, { nodes, tensors: tensors.values() }));
  assert.deepEqual(
    plain(again.nodes),
    plain(nodes),
    "nodes that are read otherwise once they are written",
  );
  assert.deepEqual(
    plain([...again.tensors]),
    plain([...tensors]),
    "tensors that are read otherwise",
  );
  assert.deepEqual([again.outputs, again.opsets], [outputs, opsets]);
  return [nodes.length, tensors.size, inputs.length, outputs.length, opsets.size]
    .map((count) => Math.min(count, 3))
    .join("/");
}

/** Replaces byte arrays of any class by text, so that they can be compared. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  if (value instanceof Map) return plain([...(value as ReadonlyMap<unknown, unknown>)]);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
}
