import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { RefusedError } from "../../../src/errors.js";
import { answerPictures, findRanges, optimizeModel } from "../../../owners/optimize/optimize.js";
import { referenceAnswer } from "../../../owners/optimize/convert.js";
import { hasExactProducts } from "../../../owners/optimize/processor.js";
import { createModelSession } from "../../../src/inference/session.js";
import { elementTypes } from "../../../src/onnx/graph.js";
import { readModel } from "../../../src/onnx/read.js";
import { tinyClassifier, tinyManifest } from "../../onnx/tiny-classifier.js";
import { noise } from "./tiny-network.js";

const model = tinyClassifier("none");
const pictures = Array.from({ length: 8 }, (_, seed) =>
  Uint8Array.from(noise(3 * 16 * 16, seed + 1), (value) => 127 + value * 127),
);
const quietly = (): void => undefined;
const both = new Set(["linear", "convolution"] as const);
const loading = { weights: "packed", threads: 1, maxBatch: 8 } as const;

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "confml-optimize-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function eightBits(isExact: boolean) {
  return { kinds: both, ranges: await findRanges(model, tinyManifest, pictures, quietly), isExact };
}

describe("a model in ONNX Runtime's own format", () => {
  test.each([false, true])("answers like the original (portable: %p)", async (isPortable) => {
    const { bytes, layers } = await optimizeModel(model, { format: "ort", isPortable, folder });
    expect(layers).toBe(0);
    const [wanted, got] = await Promise.all([
      answerPictures(model, "onnx", tinyManifest, pictures, quietly),
      answerPictures(bytes, "ort", tinyManifest, pictures, quietly),
    ]);
    for (const [index, scores] of wanted.scores.entries()) {
      scores.forEach((score, label) => {
        expect(got.scores[index]?.[label]).toBeCloseTo(score, 4);
      });
    }
  });

  test("is the only file in its folder", async () => {
    await optimizeModel(model, { format: "ort", isPortable: false, folder });
    expect(readdirSync(folder)).toEqual(["model.ort"]);
  });
});

describe("a model in 8 bits", () => {
  test.each(["onnx", "ort"] as const)(
    "in %s format has nearly the same answers",
    async (format) => {
      const options = { format, isPortable: false, folder, eightBits: await eightBits(true) };
      const { bytes, layers } = await optimizeModel(model, options);
      expect(layers).toBe(2);
      const wanted = await answerPictures(model, "onnx", tinyManifest, pictures, quietly);
      const got = await answerPictures(bytes, format, tinyManifest, pictures, quietly);
      const spread = Math.max(...wanted.scores.flatMap((scores) => [...scores].map(Math.abs)));
      for (const [index, scores] of wanted.scores.entries()) {
        scores.forEach((score, label) => {
          expect(Math.abs((got.scores[index]?.[label] ?? NaN) - score) / spread).toBeLessThan(0.03);
        });
      }
    },
  );

  test("has signed weights only if the processor is known to be exact with them", async () => {
    const weightTypes = async (isExact: boolean, isPortable: boolean): Promise<number[]> => {
      const options = {
        format: "onnx",
        isPortable,
        folder,
        eightBits: await eightBits(isExact),
      } as const;
      const { tensors } = readModel((await optimizeModel(model, options)).bytes);
      return ["w.integers", "v.integers"].map((name) => tensors.get(name)?.type ?? NaN);
    };
    const { int8, uint8 } = elementTypes;
    expect(await weightTypes(true, false)).toEqual([int8, int8]);
    expect(await weightTypes(false, false)).toEqual([uint8, uint8]);
    expect(await weightTypes(true, true)).toEqual([uint8, uint8]);
  });

  test("has the same answer to a picture alone and in a batch of eight", async () => {
    const options = {
      format: "ort",
      isPortable: false,
      folder,
      eightBits: await eightBits(true),
    } as const;
    const { bytes } = await optimizeModel(model, options);
    const alone = await answerPictures(bytes, "ort", tinyManifest, pictures, quietly);
    const session = await createModelSession(bytes, tinyManifest, { format: "ort", ...loading });
    try {
      const { scores: together } = await session.run(
        pictures.map((picture) => Uint8Array.from(picture)),
      );
      expect([...together]).toEqual(alone.scores.flatMap((scores) => [...scores]));
    } finally {
      await session.release();
    }
  });
});

describe("the reference answer", () => {
  test("equals what a server gets from this model, and differs from another model's", async () => {
    const options = {
      format: "ort",
      isPortable: false,
      folder,
      eightBits: await eightBits(true),
    } as const;
    const { bytes } = await optimizeModel(model, options);
    const output = await referenceAnswer(bytes, "ort", tinyManifest);
    expect(output).toHaveLength(tinyManifest.labels.length);
    const manifest = { ...tinyManifest, reference: { output } };
    const load = (bytes: Uint8Array, format: "onnx" | "ort") =>
      createModelSession(Uint8Array.from(bytes), manifest, { format, ...loading });
    await (await load(bytes, "ort")).release();
    await expect(load(tinyClassifier("convolution"), "onnx")).rejects.toThrow(RefusedError);
  });
});

test("a model that does not match its manifest is refused", async () => {
  const labels = tinyManifest.labels.slice(1);
  const answers = answerPictures(model, "onnx", { ...tinyManifest, labels }, [], quietly);
  await expect(answers).rejects.toMatchObject({ code: "MODEL_INVALID" });
});

test.each([
  ["flags\t\t: fpu avx2 avx512_vnni sse", true],
  ["flags : avx_vnni", true],
  ["flags : avx2 avx512f", false],
  ["model name : avx_vnni", false],
])("/proc/cpuinfo with %p means exact with signed weights: %p", async (text, isExact) => {
  const file = join(tmpdir(), `confml-cpuinfo-${process.pid}`);
  writeFileSync(file, `processor : 0\n${text}\n`);
  expect(await hasExactProducts(file)).toBe(isExact);
  rmSync(file);
  expect(await hasExactProducts(file)).toBe(false);
});
