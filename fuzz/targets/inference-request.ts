import assert from "node:assert/strict";
import { Body } from "../../src/http/request-body.js";
import {
  readInference,
  type InferenceToRun,
  type ReadOptions,
} from "../../src/http/inference-protocol/read-inference.js";
import { ImageKeys } from "../../src/keys/image-keys.js";
import { attempt, hasCode } from "../refusal.js";
import type { Target } from "../target.js";

const folder = "src/http/inference-protocol";
const isRefused = hasCode("UPLOAD_MALFORMED", "PARAMETER_INVALID", "NOT_ACCEPTABLE");

/** A model of pictures of 1 × 2 pixels. */
const model = {
  ...{ name: "tiny", version: "1", labels: ["a", "b"] },
  input: { name: "x", shape: [-1, 3, 1, 2] },
  output: { name: "y", shape: [-1, 2] },
};

/** An inference request: a line with the length of its JSON (empty: all), then the body. */
export const inferenceRequest: Target = {
  name: "inference-request",
  parsers: ["split-body", "json-outline", "request-schema", "input", "tensor-data", "output"].map(
    (name) => `${folder}/${name}.ts`,
  ),
  mutation: "bytes",
  maxBytes: 4096,
  dictionary: [
    ...['"binary_data_size":', '"format":"jwe"', '"content_type":"base64"', '"shape":[', "FP32"],
    ...["BYTES", "\u0004\0\0\0", "\u00ff\u00ff\u00ff\u00ff", "1e999", "-0", "[[", "]]", '"data":'],
  ],
  async prepare() {
    const options: ReadOptions = {
      classifier: { model },
      formats: ["plain", "encrypted", "jwe"],
      results: { Encrypt: "match", MaxTop: 2, Probabilities: "all" },
      keys: await ImageKeys.create({ ids: [], graceMs: 1 }),
      maxPictures: 2,
    };
    return { seeds: seeds(), check: (input) => check(input, options) };
  },
};

function seeds(): Buffer[] {
  const request = (input: object, rest: object = {}): string =>
    JSON.stringify({ inputs: [{ name: "x", ...input }], ...rest });
  const binary = (input: object, data: Buffer): Buffer => {
    const parameters = { binary_data_size: data.length };
    const json = request({ ...input, parameters });
    return Buffer.concat([Buffer.from(`${json.length}\n${json}`), data]);
  };
  const floats = { shape: [1, 3, 1, 2], datatype: "FP32" };
  const outputs = [{ name: "y", parameters: { classification: 2, binary_data: true } }];
  const texts = {
    shape: [2],
    datatype: "BYTES",
    data: ["a.b", "c"],
    parameters: { format: "jwe" },
  };
  return [
    binary(floats, Buffer.alloc(24, 1)),
    binary({ shape: [2, 1], datatype: "BYTES" }, Buffer.from("\u0001\0\0\0a\u0002\0\0\0bc")),
    Buffer.from(
      `\n${request({ ...floats, data: [1, 2.5, -3, 0, 1e-7, 6] }, { id: "1", outputs })}`,
    ),
    Buffer.from(`\n${request({ ...floats, data: [[[[1, 2]], [[3, 4]], [[5, 6]]]] })}`),
    Buffer.from(`\n${request(texts, { parameters: { top: 1, binary_data_output: true } })}`),
    Buffer.from(`\n${request({ shape: [1], datatype: "BYTES", data: ["AAAA"] })}`),
  ];
}

async function check(input: Uint8Array, options: ReadOptions): Promise<string> {
  const whole = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  const line = whole.indexOf("\n");
  const length = /^\d{1,9}$/u.exec(whole.subarray(0, Math.max(line, 0)).toString("latin1"));
  const bytes = whole.subarray(line + 1);
  let held = bytes.length;
  const body = new Body(bytes, {
    grow: (more) => (held += more),
    shrinkTo: (left) => (held = left),
    release: () => undefined,
  });
  const jsonLength = length === null ? undefined : Number(length[0]);
  const result = await attempt(
    () => Promise.resolve().then(() => readInference(body, jsonLength, options)),
    isRefused,
  );
  if ("refusal" in result) return result.refusal.message.replaceAll(/\d+/gu, "0").slice(0, 60);
  return checkRead(result.value, held);
}

function checkRead({ pictures, format, output }: InferenceToRun, held: number): string {
  const list = "files" in pictures ? pictures.files : pictures.tensors;
  assert(list.length >= 1 && list.length <= 2, "a number of pictures that is not allowed");
  const bytes = list.reduce((sum, one) => sum + one.byteLength, 0);
  assert(bytes <= held, "more memory than is counted");
  if ("tensors" in pictures) {
    assert.equal(format.name, "plain");
    for (const tensor of pictures.tensors) {
      assert.equal(tensor.length, 6);
      assert(tensor.every(Number.isFinite), "a number that is not finite");
    }
  }
  assert(output.top >= 1 && output.top <= 2);
  assert(output.kind === "sealed" || format.name !== "jwe", "a plain answer to a JWE");
  return `${format.name} ${output.kind} ${list.length} ${"files" in pictures}`;
}
