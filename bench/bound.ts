import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import type { z } from "zod";
import type { DecodeQueueOptions } from "../src/image/decode-queue.js";
import { answer, readJob } from "./job.js";
import { boundJob } from "./load-result.js";

/**
 * Measures the upper bound of the throughput on this machine: the server's own decoding and inference under saturation,
 * without HTTP and keys. It loads the modules of dist, as the server does.
 */
type Job = z.infer<typeof boundJob>;
type Classify = (picture: Uint8Array) => Promise<void>;

/** config.json's defaults (src/config/schema.ts). */
const limits = { maxBatch: 8, maxBatchDelayMs: 0, maxQueue: 256 };
const images: Pick<
  DecodeQueueOptions,
  "maxDecodes" | "maxDecodeBytesInFlight" | "decodeTimeoutMs"
> = { maxDecodes: 3, maxDecodeBytesInFlight: 805_306_368, decodeTimeoutMs: 15_000 };
const never = new AbortController().signal;

/** Puts the server's decoding and inference together as one function, as src/listen.ts and src/boot.ts do. */
async function createClassify(job: Job): Promise<Classify> {
  const { configureDecoder } = await fromDist<typeof import("../src/image/decode.js")>(
    "image/decode.js",
    "configureDecoder",
  );
  const { DecodeQueue } = await fromDist<typeof import("../src/image/decode-queue.js")>(
    "image/decode-queue.js",
    "DecodeQueue",
  );
  const { defaultLimits } = await fromDist<typeof import("../src/image/limits.js")>(
    "image/limits.js",
    "defaultLimits",
  );
  const { loadManifest } = await fromDist<typeof import("../src/model/manifest.js")>(
    "model/manifest.js",
    "loadManifest",
  );
  const { startInferenceThread } = await fromDist<
    typeof import("../src/inference/inference-thread.js")
  >("inference/inference-thread.js", "startInferenceThread");
  const { OnnxClassifier } = await fromDist<typeof import("../src/inference/onnx-classifier.js")>(
    "inference/onnx-classifier.js",
    "OnnxClassifier",
  );
  const { keepHeap, hugePageAdviser } = await fromDist<
    typeof import("../src/native/process-memory.js")
  >("native/process-memory.js", "keepHeap");
  configureDecoder();
  await keepHeap();
  const manifest = await loadManifest(job.manifest);
  // The thread takes over the buffer, so it must not share memory; like the server's, it is backed by huge pages.
  const file = await readFile(job.model);
  const model = new Uint8Array(file.length);
  (await hugePageAdviser())(model);
  model.set(file);
  const session = await startInferenceThread({
    model,
    manifest,
    options: {
      format: job.format,
      weights: job.weights,
      threads: availableParallelism(),
      maxBatch: limits.maxBatch,
    },
    timeouts: { loadMs: 120_000, runMs: 10_000 },
    onFailure: (error) => {
      throw error;
    },
  });
  const classifier = new OnnxClassifier({
    session,
    ...limits,
    onBatch: () => undefined,
    onFault: () => undefined,
  });
  const decoder = new DecodeQueue({
    preprocessing: manifest.preprocessing,
    limits: defaultLimits,
    ...images,
    maxQueue: limits.maxQueue,
  });
  return async (picture) => {
    const { pixels } = await decoder.prepare(picture, never, "bench");
    await classifier.classify(pixels, never, undefined);
  };
}

async function fromDist<Module extends object>(
  file: string,
  name: keyof Module & string,
): Promise<Module> {
  const module: unknown = await import(new URL(`../../dist/${file}`, import.meta.url).href);
  if (!exports<Module>(module, name)) throw new Error(`dist/${file} does not export ${name}`);
  return module;
}

function exports<Module extends object>(module: unknown, name: keyof Module): module is Module {
  return typeof module === "object" && module !== null && name in module;
}

/** @returns the throughput after the warm-up, in pictures a second */
async function saturate(classify: Classify, picture: Uint8Array): Promise<number> {
  const from = performance.now() + job.warmUpSeconds * 1000;
  const to = from + job.seconds * 1000;
  let done = 0;
  const work = async (): Promise<void> => {
    for (let now = 0; now < to;) {
      await classify(picture);
      now = performance.now();
      if (now >= from && now <= to) done += 1;
    }
  };
  await Promise.all(Array.from({ length: job.inFlight }, work));
  return done / job.seconds;
}

const job = readJob(boundJob);
const classify = await createClassify(job);
answer({ throughput: await saturate(classify, await readFile(job.file)) });
process.exit();
