import { InferenceSession } from "onnxruntime-node";
import type { OnnxModel } from "../../src/onnx/graph.js";
import { valuesToCalibrate } from "./quantize.js";
import type { RangeCollector } from "./ranges.js";
import { rewriteModel } from "../../src/onnx/write.js";
import type { Manifest } from "../../src/model/manifest.js";
import { openRun } from "./convert.js";
import { packPicture } from "../../src/image/pack.js";

export interface Calibration {
  model: OnnxModel;
  manifest: Manifest;
  /** `[crop, crop, 3]` bytes each. */
  pictures: readonly Uint8Array[];
  onProgress: (done: number, of: number) => void;
}

/**
 * Runs the float model on pictures, and passes every value that can be quantised to the collector. For a model without
 * such values it does nothing.
 */
export async function calibrate(
  { model, manifest, pictures, onProgress }: Calibration,
  collector: RangeCollector,
): Promise<void> {
  const given = new Set([...model.inputs.map(({ name }) => name), ...model.outputs]);
  const names = valuesToCalibrate(model);
  // ONNX Runtime refuses a run without outputs.
  if (names.length === 0) return;
  const moreOutputs = names.filter((name) => !given.has(name));
  const { nodes, tensors } = model;
  const observed = rewriteModel(model, { nodes, tensors: tensors.values(), moreOutputs });
  const session = await InferenceSession.create(observed, {
    executionProviders: ["cpu"],
    // Higher levels would remove values that are requested here.
    graphOptimizationLevel: "basic",
    logSeverityLevel: 3,
  });
  try {
    const run = openRun(session, manifest);
    const pixels = new Float32Array(run.pictureLength);
    const outputs = names.filter((name) => name !== manifest.input.name);
    for (const [index, picture] of pictures.entries()) {
      onProgress(index, pictures.length);
      packPicture(picture, manifest.preprocessing, pixels, 0);
      const values = outputs.length === 0 ? [] : await run(pixels, outputs);
      if (names.includes(manifest.input.name)) collector.add(manifest.input.name, pixels);
      for (const [name, value] of values) collector.add(name, value);
    }
  } finally {
    await session.release();
  }
}
