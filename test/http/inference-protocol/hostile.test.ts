import { performance } from "node:perf_hooks";
import { beforeAll, describe, expect, test } from "@jest/globals";
import {
  flatTensor,
  floatBytes,
  infer,
  inferred,
  picturesInput,
  type InferCall,
} from "../../helpers/infer.js";
import { flat } from "../../helpers/pictures.js";
import { testApp, type TestApp } from "../../helpers/test-app.js";

let confml: TestApp;
let red: string;

beforeAll(async () => {
  confml = await testApp({ limits: { maxBytes: 20_000_000 } });
  red = (await flat("red").png().toBuffer()).toString("base64");
});

const tensor = { name: "pixels", shape: [1, 3, 32, 32], datatype: "FP32" };
const good = (): object => picturesInput([red]);
const float = (changes: object): object => ({ inputs: [{ ...tensor, ...changes }] });

async function refusal(json: unknown, call?: InferCall): Promise<string> {
  const { status, body } = await inferred(infer(confml, json, call));
  expect(Object.keys(body)).toEqual(["error", "code"]);
  expect((body.error ?? "").length).toBeLessThan(600);
  return `${status} ${body.code ?? ""}`;
}

describe("refused as a parameter:", () => {
  test.each<[string, () => unknown]>([
    ["no inputs", () => ({})],
    ["an empty list of inputs", () => ({ inputs: [] })],
    ["two inputs of one name", () => ({ inputs: [good(), good()] })],
    ["an input of another name", () => ({ inputs: [{ ...good(), name: "other" }] })],
    ["an unknown datatype", () => ({ inputs: [{ ...good(), datatype: "FP64" }] })],
    ["a request that is null", () => null],
    ["a request that is a list", () => [good()]],
    ["data that is an object", () => float({ data: { length: 3072 } })],
    ["a shape that overflows", () => float({ shape: [2 ** 32, 2 ** 32, 3, 3], data: [] })],
    ["a shape of large numbers", () => float({ shape: [1e308, 1, 1, 1], data: [] })],
    ["a negative size", () => float({ shape: [-1, 3, 32, 32], data: flatTensor(0) })],
    ["a size that is no whole number", () => float({ shape: [1.5, 3, 32, 32], data: [] })],
    ["no picture", () => float({ shape: [0, 3, 32, 32], data: [] })],
    ["too many pictures", () => float({ shape: [9, 3, 32, 32], data: [] })],
    ["another picture size", () => float({ shape: [1, 3, 32, 31], data: flatTensor(0) })],
    ["an empty shape", () => float({ shape: [], data: [] })],
    ["a deeper shape", () => float({ shape: [1, 1, 3, 32, 32], data: flatTensor(0) })],
    ["a shape of pictures for files", () => ({ inputs: [{ ...good(), shape: [1, 3] }] })],
    ["an unknown format", () => ({ inputs: [picturesInput([red], { format: "gzip" })] })],
    ["a format of an FP32 tensor", () => float({ data: [], parameters: { format: "jwe" } })],
    ["shared memory", () => ({ inputs: [picturesInput([], { shared_memory_region: "a" })] })],
    ["an unknown parameter", () => ({ inputs: [good()], parameters: { fromat: "jwe" } })],
    ["an unknown output", () => ({ inputs: [good()], outputs: [{ name: "other" }] })],
    [
      "two outputs",
      () => ({ inputs: [good()], outputs: [{ name: "scores" }, { name: "scores" }] }),
    ],
    ["no labels", () => ({ inputs: [good()], parameters: { top: 0 } })],
    ["a long id", () => ({ inputs: [good()], id: "x".repeat(1000) })],
    ["a million inputs", () => `{"inputs":[${"{},".repeat(1_000_000)}{}]}`],
    ["a million members", () => `{"inputs":[{${'"a":0,'.repeat(600_000)}"b":0}]}`],
    ["a million lists deep", () => `{"inputs":${"[".repeat(1_000_000)}`],
    ["a prototype", () => '{"__proto__":{"inputs":[]},"constructor":{}}'],
  ])("%s", async (_name, json) => {
    expect(await refusal(json())).toBe("400 PARAMETER_INVALID");
  });
});

describe("refused as malformed:", () => {
  const zeros = Buffer.alloc(12_288);
  const binary = (size: unknown, rest: object = {}): object =>
    float({ parameters: { binary_data_size: size }, ...rest });

  const rows: [string, unknown, InferCall?][] = [
    ["no JSON", "{"],
    ["nothing", ""],
    ["JSON that is not UTF-8", Buffer.from([0x22, 0xff, 0x22])],
    ["NaN in JSON", `{"inputs":[{"name":"pixels","shape":[1],"datatype":"FP32","data":[NaN]}]}`],
    ["an infinity", JSON.stringify(float({ data: flatTensor(0) })).replace("[1,1,", "[1e999,1,")],
    ["a number that float32 cannot hold", float({ data: flatTensor(0).with(7, 1e39) })],
    ["fewer numbers", float({ data: [1, 2, 3] })],
    ["neither data nor binary data", float({})],
    ["data and binary data", binary(12_288, { data: flatTensor(0) }), { binary: zeros }],
    ["a binary size that lies", binary(12_284), { binary: zeros }],
    ["binary data that is too short", binary(12_284), { binary: zeros.subarray(4) }],
    ["binary data that no input names", float({ data: flatTensor(0) }), { binary: zeros }],
    ["binary data without its header", binary(12_288)],
    ["NaN in binary data", binary(12_288), { binary: floatBytes(flatTensor(0).with(9, NaN)) }],
    ["a string that is no base64", { inputs: [picturesInput(["*"])] }],
    ...["1e3", "-1", "0x10", "1.0", "", "9".repeat(16)].map(
      (value): [string, unknown, InferCall] => [
        `a header of ${JSON.stringify(value)}`,
        "{}",
        { headers: { "Inference-Header-Content-Length": value } },
      ],
    ),
    ["a header beyond the body", "{}", { headers: { "Inference-Header-Content-Length": "3" } }],
    ["a compressed body", "{}", { headers: { "Content-Encoding": "gzip" } }],
  ];

  // All rows have a third value: for a shorter row Jest would pass `done` as the third argument.
  test.each(rows.map(([name, json, call = {}]) => [name, json, call] as const))(
    "%s",
    async (_name, json, call) => {
      expect(await refusal(json, call)).toBe("400 UPLOAD_MALFORMED");
    },
  );
});

test("a header of more JSON than is parsed, and a body of it, are too large", async () => {
  const headers = { "Inference-Header-Content-Length": "4194305" };
  expect(await refusal("{}", { headers })).toBe("413 UPLOAD_TOO_LARGE");
  expect(await refusal(" ".repeat(4_194_305))).toBe("413 UPLOAD_TOO_LARGE");
});

test("what JSON of 4 MiB costs the event loop is bounded, whatever it contains", async () => {
  const open = '{"inputs":[{"name":"pixels","shape":[1,3,32,32],"datatype":"FP32","data":[';
  const bodies = ["0,", "[],", "{},", '"a",', '"a":0,', "1e-320,", "9007199254740993.01,"].map(
    (unit) => open + unit.repeat(Math.floor((4_194_304 - open.length) / unit.length)),
  );
  for (const body of [...bodies, "[".repeat(4_194_304), "9".repeat(4_194_304)]) {
    const before = performance.eventLoopUtilization();
    expect(await refusal(body)).toMatch(/^400 /u);
    // Some 0.1 s on an idle machine; seconds without the limits of json-outline.ts.
    expect(performance.eventLoopUtilization(before).active).toBeLessThan(2000);
  }
});
