import type { Manifest } from "../../src/model/manifest.js";
import type { OptimizeCommandOptions } from "./options.js";
import { percent } from "./agreement.js";
import { checkFiles, writeNewFiles } from "../io/output.js";
import type { OutputRules } from "../io/output-target.js";

/** @returns what neither the model nor its manifest may replace */
export function outputRules(
  { modelFile, manifestFile, overwrites }: OptimizeCommandOptions,
  pictureFiles: readonly string[],
): OutputRules {
  return { inputs: [modelFile, manifestFile, ...pictureFiles], force: overwrites };
}

/** @throws UsageError, CommandError, before any work is done */
export function refuseOutputs({ outFile }: OptimizeCommandOptions, rules: OutputRules): void {
  checkFiles([{ file: outFile }, { file: manifestOf(outFile) }], rules);
}

/**
 * The model is a secret, its manifest is not; neither is there without the other.
 *
 * @returns lines for people
 */
export async function writeModelFiles(
  { outFile, format }: OptimizeCommandOptions,
  rules: OutputRules,
  model: Uint8Array,
  manifest: Manifest,
  originalBytes: number,
): Promise<string[]> {
  const manifestFile = manifestOf(outFile);
  const json = `${JSON.stringify(manifest, null, 2)}\n`;
  await writeNewFiles(
    [
      { file: outFile, content: model, isSecret: true },
      { file: manifestFile, content: json, isSecret: false },
    ],
    rules,
  );
  const share = percent(Math.round((model.length / originalBytes) * 100) / 100);
  return [
    `${outFile}: ${megabytes(model.length)}, ${share} of the original's ${megabytes(originalBytes)}`,
    `${manifestFile}: its manifest, with what it has to answer to a first picture`,
    "next: encrypt the model with openssl enc -e -aes256 -iv 0, or confml encrypt --legacy",
    `      the server's config.json says "Format": "${format}", "Weights": "${weightsFor(manifest, format)}" under Inference.Model`,
  ];
}

/** In ORT format, what is not in 8 bits is best used where it lies. */
function weightsFor({ weights }: Manifest, format: OptimizeCommandOptions["format"]): string {
  return weights ?? (format === "ort" ? "in-place" : "packed");
}

function manifestOf(outFile: string): string {
  return `${outFile}.json`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
