import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { z } from "zod";
import type { ImageLimits } from "../../src/image/limits.js";

const script = fileURLToPath(new URL("decode-child.mjs", import.meta.url));
const outcomeSchema = z.object({
  decodeBytes: z.number().optional(),
  code: z.string().optional(),
  peakBytes: z.number(),
});

export const noLimits: ImageLimits = {
  maxPixels: 1e9,
  maxWidth: 1e9,
  maxHeight: 1e9,
  maxRowBytes: 1e12,
  maxDecodeBytes: 1e12,
};

/**
 * Decodes a picture with the built server's code in a process of its own.
 *
 * @param moreBytes memory that the process can allocate beyond what it has at the start
 * @returns the estimate or the error's code, and by how much the process grew at most
 */
export async function measureDecode(
  file: Buffer,
  limits: ImageLimits,
  moreBytes?: number,
): Promise<z.infer<typeof outcomeSchema>> {
  const folder = await mkdtemp(join(tmpdir(), "confml-decode-"));
  try {
    const path = join(folder, "picture");
    await writeFile(path, file);
    const more = moreBytes === undefined ? [] : [String(moreBytes)];
    const words = [script, path, JSON.stringify(limits), ...more];
    const { stdout } = await promisify(execFile)(process.execPath, words);
    return outcomeSchema.parse(JSON.parse(stdout));
  } finally {
    await rm(folder, { recursive: true });
  }
}
