import { existsSync } from "node:fs";
import { chmod, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Manifest } from "../model/manifest.js";
import type { OptimizeCommandOptions } from "./model-optimize-options.js";
import { percent } from "./model-optimize-agreement.js";
import { CommandError, UsageError } from "./usage.js";

/** The model is a secret, its manifest is not. */
const ownersOnly = 0o600;
const everybodys = 0o644;

/** @throws UsageError, CommandError, before any work is done */
export function refuseExisting(options: OptimizeCommandOptions): void {
  const { outFile, modelFile, manifestFile, overwrites } = options;
  const files = [outFile, manifestOf(outFile)];
  const sources = [modelFile, manifestFile].map((file) => resolve(file));
  for (const file of files) {
    if (sources.includes(resolve(file))) throw new UsageError(`${file} is what is read`);
    if (!overwrites && existsSync(file)) {
      throw new CommandError(`${file} exists`, ["--force overwrites it"]);
    }
  }
}

/**
 * Writes both files beside their places first, so that each is there whole or not at all.
 *
 * @param folder a folder on the same disk
 * @returns lines for people
 */
export async function writeModelFiles(
  { outFile, format }: OptimizeCommandOptions,
  folder: string,
  model: Uint8Array,
  manifest: Manifest,
  originalBytes: number,
): Promise<string[]> {
  const manifestFile = manifestOf(outFile);
  await replace(outFile, model, ownersOnly, folder);
  await replace(manifestFile, `${JSON.stringify(manifest, null, 2)}\n`, everybodys, folder);
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

async function replace(
  file: string,
  content: Uint8Array | string,
  mode: number,
  folder: string,
): Promise<void> {
  const temporary = join(folder, "written");
  await writeFile(temporary, content, { mode: ownersOnly });
  await chmod(temporary, mode);
  await rename(temporary, file);
}

function manifestOf(outFile: string): string {
  return `${outFile}.json`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
