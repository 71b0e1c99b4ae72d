import { beforeAll, describe, expect, test } from "@jest/globals";
import { LegacyUploads } from "../../../src/http/legacy-uploads.js";
import { flat } from "../../helpers/pictures.js";
import {
  elements,
  encryptCbc,
  flatTensor,
  floatBytes,
  infer,
  inferred,
  jwe,
  openAnswer,
  picturesInput,
} from "../../helpers/infer.js";
import { evaluate, imageKeys, testApp, type TestApp } from "../../helpers/test-app.js";

let confml: TestApp;
let red: Buffer;
let green: Buffer;

beforeAll(async () => {
  confml = await testApp();
  red = await flat("red").png().toBuffer();
  green = await flat("green").jpeg().toBuffer();
});

const base64 = (bytes: Buffer): string => bytes.toString("base64");
const high = expect.closeTo(0.9999, 3);
const low = expect.closeTo(0, 3);
const tensorInput = (data: unknown, shape = [1, 3, 32, 32]): object => ({
  name: "pixels",
  shape,
  datatype: "FP32",
  data,
});
const classify = (classification: number, binary?: boolean): object => ({
  name: "scores",
  parameters: { classification, ...(binary !== undefined && { binary_data: binary }) },
});

describe("an answer", () => {
  test("has the probabilities of all labels for each picture", async () => {
    const inputs = [picturesInput([base64(red), base64(green)])];
    const { status, body, headers } = await inferred(infer(confml, { id: "42", inputs }));
    expect([status, headers["content-type"]]).toEqual([200, "application/json; charset=utf-8"]);
    expect(body).toEqual({
      model_name: "colours",
      model_version: "1",
      id: "42",
      outputs: [
        { name: "scores", shape: [2, 3], datatype: "FP32", data: [high, low, low, low, high, low] },
      ],
    });
  });

  test("has the most probable labels where `classification` or `top` asks for them", async () => {
    const inputs = [picturesInput([base64(green), base64(red)])];
    const expected = {
      name: "scores",
      shape: [2, 2],
      datatype: "BYTES",
      data: [
        expect.stringMatching(/^0\.99\d+:1:green$/u),
        expect.stringMatching(/^[\d.e-]+:\d:(?:red|blue)$/u),
        expect.stringMatching(/^0\.99\d+:0:red$/u),
        expect.any(String),
      ],
    };
    const asked = await inferred(infer(confml, { inputs, outputs: [classify(2)] }));
    expect(asked.body.outputs).toEqual([expected]);
    const top = await inferred(infer(confml, { inputs, parameters: { top: 2 } }));
    expect(top.body.outputs).toEqual([expected]);
  });

  test.each([
    ["flat numbers", flatTensor(1)],
    [
      "nested numbers",
      [
        Array.from({ length: 3 }, (_, plane) =>
          Array.from({ length: 32 }, () => Array<number>(32).fill(plane === 1 ? 1 : 0)),
        ),
      ],
    ],
  ])("to an FP32 tensor of %s is that to the picture", async (_name, data) => {
    const { status, body } = await inferred(infer(confml, { inputs: [tensorInput(data)] }));
    expect([status, body.outputs?.[0]?.data]).toEqual([200, [low, high, low]]);
  });

  test("to binary FP32 data has one row for each picture, and can be binary, too", async () => {
    const binary = floatBytes([...flatTensor(2), ...flatTensor(0)]);
    const shape = [2, 3, 32, 32];
    const parameters = { binary_data_size: binary.length };
    const json = {
      inputs: [{ name: "pixels", shape, datatype: "FP32", parameters }],
      parameters: { binary_data_output: true },
    };
    const answer = await inferred(infer(confml, json, { binary }));
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/octet-stream");
    expect(answer.body.outputs).toEqual([
      { name: "scores", shape: [2, 3], datatype: "FP32", parameters: { binary_data_size: 24 } },
    ]);
    const numbers = Array.from({ length: 6 }, (_, index) => answer.binary.readFloatLE(index * 4));
    expect(numbers).toEqual([low, low, high, high, low, low]);
  });

  test("to binary BYTES data has its own length before each element", async () => {
    const binary = elements(red, green);
    const parameters = { binary_data_size: binary.length };
    const json = {
      inputs: [{ name: "pixels", shape: [2, 1], datatype: "BYTES", parameters }],
      outputs: [classify(1, true)],
    };
    const answer = await inferred(infer(confml, json, { binary }));
    const [output] = answer.body.outputs ?? [];
    expect(output).toMatchObject({ shape: [2, 1], datatype: "BYTES" });
    const first = answer.binary.readUInt32LE(0);
    expect(answer.binary.subarray(4, 4 + first).toString()).toMatch(/^0\.99\d+:0:red$/u);
    const second = answer.binary.readUInt32LE(4 + first);
    expect(answer.binary.subarray(8 + first).toString()).toMatch(/^0\.99\d+:1:green$/u);
    expect(answer.binary.length).toBe(8 + first + second);
    expect(output?.parameters).toEqual({ binary_data_size: answer.binary.length });
  });

  test("of a version is that of the model; other models and versions are not found", async () => {
    const json = { inputs: [picturesInput([base64(red)])] };
    const path = (rest: string): { path: string } => ({ path: `/v2/models/${rest}/infer` });
    expect((await infer(confml, json, path("colours/versions/1"))).status).toBe(200);
    for (const other of ["other", "colours/versions/2", "other/versions/1"]) {
      const { status, body } = await inferred(infer(confml, json, path(other)));
      expect([status, body.code]).toEqual([404, "NOT_FOUND"]);
    }
  });

  test("is the same as POST /evaluate's", async () => {
    const noise = await flat("green", 90, 50)
      .composite([{ input: red, left: 0, top: 0 }])
      .png()
      .toBuffer();
    const expected = await evaluate(confml, noise, { accept: "application/json", query: "?top=3" });
    const { predictions } = expected.body as {
      predictions: { probability: number; index: number; label: string }[];
    };
    const inputs = [picturesInput([base64(noise)])];
    const { body } = await inferred(infer(confml, { inputs, outputs: [classify(3)] }));
    expect(body.outputs?.[0]?.data).toEqual(
      predictions.map(({ probability, index, label }) => `${probability}:${index}:${label}`),
    );
  });
});

describe("the answer to encrypted pictures", () => {
  const format = { format: "jwe" };

  test("of the format jwe is one JWE for each, under its own key, and nothing else", async () => {
    const tokens = [await jwe(red, "First"), await jwe(green, "Second"), await jwe(red, "First")];
    const call = infer(confml, { inputs: [picturesInput(tokens, format)] });
    const { status, body, headers } = await inferred(call);
    expect([status, headers["content-type"]]).toEqual([200, "application/json; charset=utf-8"]);
    const [output] = body.outputs ?? [];
    expect(Object.keys(body)).toEqual(["model_name", "model_version", "outputs"]);
    expect({ ...output, data: [] }).toEqual({
      ...{ name: "scores", shape: [3], datatype: "BYTES", data: [], parameters: { format: "jwe" } },
    });
    const opened = await Promise.all(
      (output?.data ?? []).map((token, index) =>
        openAnswer(String(token), index === 1 ? "Second" : "First"),
      ),
    );
    expect(opened.map(({ answer }) => answer.predictions[0]?.label)).toEqual([
      ...["red", "green", "red"],
    ]);
    // The length depends neither on the picture nor on the answer.
    expect(new Set(opened.map(({ length }) => length))).toEqual(new Set([4096]));
  });

  test("is sealed whatever the request asks for", async () => {
    const inputs = [picturesInput([await jwe(red, "First")], format)];
    for (const asked of [
      { outputs: [classify(1)] },
      { parameters: { encrypt: false, top: 1 } },
      { outputs: [{ name: "scores" }], parameters: { encrypt: true } },
    ]) {
      const { status, body } = await inferred(infer(confml, { inputs, ...asked }));
      expect([status, body.outputs?.[0]?.parameters]).toEqual([200, { format: "jwe" }]);
      expect(
        (await openAnswer(String(body.outputs?.[0]?.data?.[0]), "First")).answer,
      ).toBeDefined();
    }
  });

  test("can be binary, and the JWE base64; the request may name the format", async () => {
    const token = await jwe(green, "Second");
    const inputs = [picturesInput([base64(Buffer.from(token))])];
    const parameters = { ...format, content_type: "base64", binary_data_output: true };
    const { status, body, binary } = await inferred(infer(confml, { inputs, parameters }));
    expect(status).toBe(200);
    const size = body.outputs?.[0]?.parameters?.["binary_data_size"];
    expect(size).toBe(binary.length);
    const { answer } = await openAnswer(binary.subarray(4).toString(), "Second");
    expect(answer.predictions[0]?.label).toBe("green");
  });

  test("of the format encrypted is plain, or JWE under Results.Key where `encrypt` asks", async () => {
    const data = [base64(encryptCbc(green, imageKeys.Legacy))];
    const inputs = [picturesInput(data, { format: "encrypted" })];
    const plain = await inferred(infer(confml, { inputs }));
    expect(plain.body.outputs?.[0]?.data).toEqual([low, high, low]);
    const sealed = await inferred(infer(confml, { inputs, parameters: { encrypt: true } }));
    const { answer } = await openAnswer(String(sealed.body.outputs?.[0]?.data?.[0]), "First");
    expect(answer.image.authenticated).toBe(false);
  });

  test("follows Results.Encrypt", async () => {
    const always = await testApp({ results: { Encrypt: "always" } });
    const never = await testApp({ results: { Encrypt: "never" } });
    const legacy = [
      picturesInput([base64(encryptCbc(green, imageKeys.Legacy))], { format: "encrypted" }),
    ];
    const token = [picturesInput([await jwe(red, "First")], format)];
    const plain = [picturesInput([base64(red)])];
    const kind = async (app: TestApp, json: object): Promise<unknown> => {
      const { status, body } = await inferred(infer(app, json));
      return (
        body.outputs?.[0]?.parameters?.["format"] ??
        body.outputs?.[0]?.datatype ??
        `${status} ${body.code ?? ""}`
      );
    };
    const parameters = { encrypt: true };
    expect(await kind(always, { inputs: legacy })).toBe("jwe");
    expect(await kind(never, { inputs: token })).toBe("FP32");
    expect(await kind(never, { inputs: token, parameters })).toBe("406 NOT_ACCEPTABLE");
    expect(await kind(never, { inputs: legacy, parameters })).toBe("406 NOT_ACCEPTABLE");
    expect(await kind(confml, { inputs: plain, parameters })).toBe("406 NOT_ACCEPTABLE");
    const tensor = { inputs: [tensorInput(flatTensor(0))], parameters };
    expect(await kind(confml, tensor)).toBe("406 NOT_ACCEPTABLE");
  });

  test("that fail is POST /evaluate's, whatever is wrong and whichever fails", async () => {
    const token = await jwe(red, "First");
    const legacy = encryptCbc(red, imageKeys.Legacy);
    const bad: [string[], string][] = [
      [[`${token.slice(0, -2)}AA`], "jwe"],
      [[token, await jwe(Buffer.from("no picture"), "First")], "jwe"],
      [[token.replace(/^[^.]+/u, "e30")], "jwe"],
      [["", token], "jwe"],
      [[base64(legacy.subarray(0, -1))], "encrypted"],
      [[base64(encryptCbc(red, imageKeys.Second))], "encrypted"],
      [[base64(legacy), base64(Buffer.alloc(32))], "encrypted"],
      [[""], "encrypted"],
    ];
    const expected = await evaluate(confml, Buffer.alloc(32), {
      ...{ name: "a.encrypted", accept: "application/json" },
    });
    const answers = new Set<string>();
    for (const [data, name] of bad) {
      const { status, body, headers } = await inferred(
        infer(confml, { inputs: [picturesInput(data, { format: name })] }),
      );
      answers.add(JSON.stringify([status, body, headers["content-length"]]));
    }
    const { code, detail } = expected.body as { code: string; detail: string };
    const body = { error: detail, code };
    const length = String(Buffer.byteLength(JSON.stringify(body)));
    expect([...answers]).toEqual([JSON.stringify([422, body, length])]);
  });
});

describe("the configuration holds:", () => {
  test("Images.Formats, for files and for FP32 tensors", async () => {
    const only = await testApp({ app: { formats: ["jwe"] } });
    const refused = [
      tensorInput(flatTensor(0)),
      picturesInput([base64(red)]),
      picturesInput([base64(red)], { format: "encrypted" }),
    ];
    for (const input of refused) {
      const { status, body } = await inferred(infer(only, { inputs: [input] }));
      expect([status, body.code]).toEqual([403, "FORMAT_REFUSED"]);
    }
    const token = picturesInput([await jwe(red, "First")], { format: "jwe" });
    expect((await infer(only, { inputs: [token] })).status).toBe(200);
  });

  test("Results.MaxTop and Results.Probabilities", async () => {
    const one = await testApp({ results: { MaxTop: 1 } });
    const none = await testApp({ results: { Probabilities: "none" } });
    const inputs = [picturesInput([base64(red)])];
    const status = async (app: TestApp, json: object): Promise<number> =>
      (await infer(app, json)).status;
    expect(await status(one, { inputs })).toBe(400);
    expect(await status(one, { inputs: [tensorInput(flatTensor(0))] })).toBe(400);
    expect(await status(one, { inputs, outputs: [classify(2)] })).toBe(400);
    expect(await status(one, { inputs, outputs: [classify(1)] })).toBe(200);
    expect(await status(confml, { inputs, outputs: [classify(4)] })).toBe(400);
    expect(await status(none, { inputs })).toBe(400);
    for (const input of [...inputs, tensorInput(flatTensor(0))]) {
      const labels = await inferred(infer(none, { inputs: [input], outputs: [classify(1)] }));
      expect(labels.body.outputs?.[0]?.data).toEqual(["nan:0:red"]);
    }
  });

  test("Limits.MaxLegacyUploads, for each picture", async () => {
    const app = await testApp({
      app: { legacyUploads: new LegacyUploads({ maxDistinct: 2, periodMs: 60_000 }) },
    });
    const file = (filler: number): string =>
      base64(encryptCbc(Buffer.concat([red, Buffer.alloc(filler)]), imageKeys.Legacy));
    const inputs = (...data: string[]): object => ({
      inputs: [picturesInput(data, { format: "encrypted" })],
    });
    expect((await infer(app, inputs(file(1), file(1)))).status).toBe(200);
    const { status, body, headers } = await inferred(infer(app, inputs(file(2), file(3))));
    expect([status, body.code]).toEqual([429, "RATE_LIMITED"]);
    expect(Number(headers["retry-after"])).toBeGreaterThan(0);
  });

  test("Limits.MaxBatch and Images.MaxBytes", async () => {
    const many = Array.from({ length: 9 }, () => base64(red));
    const refused = await inferred(infer(confml, { inputs: [picturesInput(many)] }));
    expect([refused.status, refused.body.code]).toEqual([400, "PARAMETER_INVALID"]);
    expect((await infer(confml, { inputs: [picturesInput(many.slice(1))] })).status).toBe(200);
    const large = await inferred(infer(confml, "x".repeat(100_001)));
    expect([large.status, large.body.code]).toEqual([413, "UPLOAD_TOO_LARGE"]);
  });

  test("Images.MaxPixels, for plain pictures", async () => {
    const small = await testApp({ imageLimits: { maxPixels: 100 } });
    const { status, body } = await inferred(
      infer(small, { inputs: [picturesInput([base64(red)])] }),
    );
    expect([status, body.code]).toEqual([413, "IMAGE_TOO_LARGE"]);
  });

  test("a stopping server refuses", async () => {
    const app = await testApp({ app: { isStopping: () => true } });
    const { status, body } = await inferred(infer(app, {}));
    expect([status, body.code]).toEqual([503, "SHUTTING_DOWN"]);
  });
});

test("memory counts while a request needs it, and is given back after every outcome", async () => {
  const held: number[] = [];
  const app = await testApp({
    app: { onStage: () => held.push(app.uploads.heldBytes) },
  });
  const good = { inputs: [picturesInput([base64(red)])] };
  expect((await infer(app, good)).status).toBe(200);
  expect(Math.max(...held)).toBeGreaterThan(red.length);
  for (const json of [good, "{", { inputs: [] }, { inputs: [picturesInput(["AAAA"])] }]) {
    await infer(app, json);
    expect(app.uploads.heldBytes).toBe(0);
  }
  const tensor = { inputs: [tensorInput(flatTensor(0))] };
  held.length = 0;
  await infer(app, tensor);
  // The numbers' text is dropped before the model runs; 3,072 numbers of 4 bytes are left.
  expect(held.at(-1)).toBe(12_288);
  expect(app.uploads.heldBytes).toBe(0);
});
