import { readFile } from "node:fs/promises";
import { loadManifest } from "../../src/model/manifest.js";
import { createModelSession, type ModelSession } from "../../src/inference/session.js";
import { fileURLToPath } from "node:url";
import { loadOptions } from "./load-options.js";

const folder = new URL("../fixtures/models/", import.meta.url);

/** A real, tiny model: its scores are ten times the mean of each colour; its labels are red, green and blue. */
export async function coloursSession(labels?: string[]): Promise<ModelSession> {
  const manifest = await loadManifest(fileURLToPath(new URL("colours.json", folder)));
  const model = await readFile(new URL("colours.onnx", folder));
  return createModelSession(
    model,
    labels === undefined ? manifest : { ...manifest, labels },
    loadOptions,
  );
}
