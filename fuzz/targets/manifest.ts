import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadManifest } from "../../src/model/manifest.js";
import { projectFile } from "../project.js";
import { attempt, hasCode } from "../refusal.js";
import type { Target } from "../target.js";

/** A model's manifest: it is read completely, or refused with an error of one line. */
export const manifest: Target = {
  name: "manifest",
  parsers: ["src/model/manifest.ts"],
  mutation: "json",
  maxBytes: 16_384,
  prepare(scratch) {
    const file = join(scratch, "model.json");
    const seeds = ["models/demo/model.json", "test/fixtures/models/colours.json"].map(projectFile);
    return Promise.resolve({ seeds, check: (input) => check(input, file) });
  },
};

async function check(input: Uint8Array, file: string): Promise<string> {
  writeFileSync(file, input);
  const result = await attempt(() => loadManifest(file), hasCode("MANIFEST_INVALID"));
  if ("refusal" in result)
    return result.refusal.message.replaceAll(file, "").replace(/"[^"]*"/gu, '""');
  const { preprocessing, input: pictures, labels } = result.value;
  assert(preprocessing.crop <= preprocessing.resize && labels.length > 0);
  assert.deepEqual(
    [pictures.shape[2], pictures.shape[3]],
    [preprocessing.crop, preprocessing.crop],
  );
  // zod drops the name `__proto__` from records.
  const json = Buffer.from(input).toString();
  if (json.includes("__proto__")) return "read __proto__";
  assert.deepEqual(result.value, JSON.parse(json), "a manifest that is not what was written");
  return `read ${Object.keys(result.value).length}`;
}
