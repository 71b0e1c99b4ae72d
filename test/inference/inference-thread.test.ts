import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { InferenceSession } from "onnxruntime-node";
import {
  startInferenceThread,
  type InferenceThreadOptions,
} from "../../src/inference/inference-thread.js";
import type { BatchScores } from "../../src/inference/batch-runner.js";
import { loadManifest, type Manifest } from "../../src/model/manifest.js";
import type { ModelSession } from "../../src/inference/session.js";
import { loadOptions } from "../helpers/load-options.js";
import { projectFolder } from "../helpers/server-process.js";
import { hugeTensor, variantModel } from "./hostile-models.js";

/** The thread runs compiled code. */
const code = pathToFileURL(join(projectFolder, "dist/inference/inference-worker.js"));
const fixtures = join(projectFolder, "test/fixtures/models");
let folder: string;
let manifest: Manifest;
let onnx: Buffer;
let ort: Buffer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-thread-"));
  manifest = await loadManifest(join(fixtures, "colours.json"));
  onnx = await readFile(join(fixtures, "colours.onnx"));
  const file = join(folder, "colours.ort");
  const session = await InferenceSession.create(onnx, {
    optimizedModelFilePath: file,
    extra: { session: { save_model_format: "ORT" } },
  });
  await session.release();
  ort = await readFile(file);
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

const timeouts = { loadMs: 30_000, runMs: 30_000 };

/** Errors passed to `onFailure`. */
const failures: Error[] = [];

const started: ModelSession[] = [];

// A thread left behind by a failing test would keep the process alive.
afterEach(async () => {
  for (const session of started.splice(0)) await session.release();
});

async function start(
  model: Uint8Array,
  options: Partial<Omit<InferenceThreadOptions, "model">> = {},
): Promise<ModelSession> {
  const session = await startInferenceThread({
    model: new Uint8Array(model),
    manifest,
    options: loadOptions,
    timeouts,
    code,
    onFailure: (error) => {
      failures.push(error);
    },
    ...options,
  });
  started.push(session);
  return session;
}

/** A picture of one grey, from 0 to 1. */
function grey(value: number): Uint8Array {
  return new Uint8Array(3 * 32 * 32).fill(value * 255);
}

function round({ scores }: BatchScores): number[] {
  return Array.from(scores, (score) => Math.round(score * 1e4) / 1e4);
}

describe("the inference thread", () => {
  test.each([
    ["onnx", "packed"],
    ["onnx", "in-place"],
    ["ort", "packed"],
    ["ort", "in-place"],
  ] as const)("runs a model in %s format with weights %s", async (format, weights) => {
    const session = await start(format === "ort" ? ort : onnx, {
      options: { ...loadOptions, format, weights },
    });
    for (let times = 0; times < 3; times += 1) {
      // Provokes garbage collections, which free the model's bytes unless something refers to them.
      Array.from({ length: 50 }, () => new Uint8Array(1_000_000));
      expect(round(await session.run([grey(0), grey(0.4)]))).toEqual([0, 0, 0, 4, 4, 4]);
    }
    await session.release();
  });

  test("takes over the buffers of the model and the pictures", async () => {
    const model = new Uint8Array(onnx);
    const picture = grey(1);
    const session = await startInferenceThread({
      model,
      manifest,
      options: loadOptions,
      timeouts,
      code,
      onFailure: () => undefined,
    });
    started.push(session);
    const run = session.run([picture]);
    expect([model.length, picture.length]).toEqual([0, 0]);
    expect(round(await run)).toEqual([10, 10, 10]);
    await session.release();
  });

  test("passes on the thread's reason for refusing a model", async () => {
    const attempt = start(onnx, { manifest: { ...manifest, labels: ["red"] } });
    await expect(attempt).rejects.toMatchObject({
      code: "MODEL_INVALID",
      failure: { got: "1 labels" },
    });
    await expect(start(Buffer.from("no model"))).rejects.toThrow(/an ONNX model under/u);
    await expect(start(onnx, { options: { ...loadOptions, format: "ort" } })).rejects.toThrow(
      /a model in ORT format under the decryption.*Inference\.Model\.Format/u,
    );
    await expect(start(ort)).rejects.toThrow(/an ONNX model under the decryption/u);
  });

  test("reports a failed run, and continues", async () => {
    const session = await start(onnx);
    const tooMany = Array.from({ length: 9 }, () => grey(0.5));
    await expect(session.run(tooMany)).rejects.toThrow(/the inference thread answered: /u);
    expect(round(await session.run([grey(0.2)]))).toEqual([2, 2, 2]);
    await session.release();
  });

  test("ends when it is released, after the pending run", async () => {
    const session = await start(onnx);
    const run = session.run([grey(1)]);
    await session.release();
    expect(round(await run)).toEqual([10, 10, 10]);
    expect(failures).toEqual([]);
    await session.release();
  });

  test("reports a crash once, and fails the run", async () => {
    const dying = `data:text/javascript,
      import { parentPort } from "node:worker_threads";
      parentPort.on("message", ({ type }) => {
        if (type === "load") parentPort.postMessage({ type: "loaded" });
        else throw new Error("struck by lightning");
      });`;
    const session = await start(onnx, { code: new URL(dying) });
    await expect(session.run([grey(1)])).rejects.toThrow("struck by lightning");
    expect(failures.splice(0).map(({ message }) => message)).toEqual(["struck by lightning"]);
    await expect(session.run([grey(1)])).rejects.toThrow("struck by lightning");
    await session.release();
  });

  /** A thread that loops in JavaScript, and so can be terminated; `hangs` runs before the loop. */
  const hanging = (hangs: string): URL =>
    new URL(`data:text/javascript,
      import { parentPort } from "node:worker_threads";
      parentPort.on("message", ({ type }) => {
        ${hangs}
        for (;;);
      });`);

  test("reports a hang, and rejects the pending run and all later ones", async () => {
    const session = await start(onnx, {
      code: hanging(`if (type === "load") return parentPort.postMessage({ type: "loaded" });`),
      timeouts: { loadMs: 30_000, runMs: 50 },
    });
    await expect(session.run([grey(1)])).rejects.toMatchObject({
      code: "MODEL_TIMEOUT",
    });
    expect(failures.splice(0)).toEqual([
      expect.objectContaining({
        code: "MODEL_TIMEOUT",
        message: expect.stringMatching(
          /within Inference\.Limits\.RunTimeoutMs; got none after 50 ms/u,
        ),
      }),
    ]);
    await expect(session.run([grey(1)])).rejects.toMatchObject({ code: "MODEL_STOPPING" });
    await session.release();
  });

  test.each([
    ["is loaded", "", { loadMs: 50, runMs: 30_000 }, "Model.LoadTimeoutMs"],
    [
      "does its trial run",
      `parentPort.postMessage({ type: "running" });`,
      { loadMs: 30_000, runMs: 50 },
      "Limits.RunTimeoutMs",
    ],
  ])("rejects the start if the thread hangs while the model %s", async (_, hangs, short, key) => {
    await expect(start(onnx, { code: hanging(hangs), timeouts: short })).rejects.toMatchObject({
      code: "MODEL_TIMEOUT",
      failure: { expected: `an end within Inference.${key}` },
    });
    expect(failures).toEqual([]);
  });

  test("reports a lack of memory while the model is loaded", async () => {
    const greedy = new URL("data:text/javascript,new ArrayBuffer(2 ** 52)");
    await expect(start(onnx, { code: greedy })).rejects.toMatchObject({
      code: "MODEL_OUT_OF_MEMORY",
      failure: { got: "Array buffer allocation failed" },
    });
    const huge = variantModel(hugeTensor(2 ** 40));
    await expect(start(huge)).rejects.toMatchObject({
      code: "MODEL_OUT_OF_MEMORY",
      name: "ConfigurationError",
    });
  });

  test("rejects the start if the thread ends while the model is loaded", async () => {
    const dying = new URL("data:text/javascript,process.exit(3)");
    await expect(start(onnx, { code: dying })).rejects.toThrow("ended with code 3");
    expect(failures).toEqual([]);
  });
});
