import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "../scripts/process/service.js";
import { projectFolder } from "../scripts/project.js";
import { alexNetManifest, buildAlexNet } from "./alexnet.js";
import { drawCalibrationPictures } from "./pictures.js";

export const variantNames = ["fp32", "onnx", "ort", "int8"] as const;
/**
 * `fp32`: ONNX as exported, with packed weights; `onnx`: the same with weights in place; `ort`: ORT format with weights in
 * place; `int8`: ORT format with 8-bit weights.
 */
export type VariantName = (typeof variantNames)[number];

export const variantTitles: Record<VariantName, string> = {
  fp32: "fp32, ONNX",
  onnx: "fp32, ONNX in place",
  ort: "fp32, ORT in place",
  int8: "int8, ORT",
};

const asExported: ReadonlySet<VariantName> = new Set(["fp32", "onnx"]);
/** Variants that save memory by using the weights in place; packed weights are faster. */
export const inPlace: ReadonlySet<VariantName> = new Set(["onnx", "ort"]);

export interface ModelFiles {
  name: VariantName;
  model: string;
  manifest: string;
  bytes: number;
  format: "onnx" | "ort";
  weights: "packed" | "in-place";
}

const picturesPerClass = 6;

/** Builds AlexNet, and makes its other variants with `confml model optimize`. */
export async function makeModels(
  folder: string,
  names: readonly VariantName[],
  progress: (line: string) => void,
): Promise<ModelFiles[]> {
  await mkdir(folder, { recursive: true });
  progress("building AlexNet, 61.1 M parameters");
  const onnx = join(folder, "alexnet.onnx");
  const manifest = join(folder, "model.json");
  await writeFile(onnx, buildAlexNet());
  await writeFile(manifest, JSON.stringify(alexNetManifest()));
  const pictures = join(folder, "calibration");
  if (names.some((name) => !asExported.has(name))) {
    progress("drawing calibration pictures");
    await drawCalibrationPictures(pictures, picturesPerClass);
  }
  const models: ModelFiles[] = [];
  for (const name of names) {
    if (asExported.has(name)) {
      models.push(await describe(name, onnx, manifest));
      continue;
    }
    progress(`confml model optimize (${variantTitles[name]})`);
    const out = join(folder, `alexnet-${name}.ort`);
    await runCommand([
      process.execPath,
      join(projectFolder, "build/owners/main.js"),
      ...["model", "optimize", onnx, "--manifest", manifest, "--pictures", pictures, "--out", out],
      // The weights are random, so the variants agree on the first label by chance only.
      ...["--min-agreement", "0"],
      ...(name === "int8" ? ["--int8"] : []),
    ]);
    models.push(await describe(name, out, `${out}.json`));
  }
  return models;
}

async function describe(name: VariantName, model: string, manifest: string): Promise<ModelFiles> {
  const { size: bytes } = await stat(model);
  const format = asExported.has(name) ? "onnx" : "ort";
  const weights = inPlace.has(name) ? "in-place" : "packed";
  return { name, model, manifest, bytes, format, weights };
}
