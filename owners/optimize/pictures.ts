import { describeCause } from "../../src/errors.js";
import { configureDecoder, inspectImage } from "../../src/image/decode.js";
import { defaultLimits } from "../../src/image/limits.js";
import { prepareImage } from "../../src/image/preprocess.js";
import type { Manifest } from "../../src/model/manifest.js";
import { maxUploadBytes, readInput } from "../io/input.js";
import { showProgress } from "../io/progress.js";
import { warn } from "../io/streams.js";

/** Nothing ends it but the owner. */
const timeoutSeconds = 3600;
const never = new AbortController().signal;
/** More tell little that is new; their pixels are kept in memory. */
const maxPictures = 2000;

/**
 * Reads pictures as a server does.
 *
 * @param files from `listPictures`
 * @returns `[crop, crop, 3]` bytes each, in the order of their paths; evenly chosen where there are many
 */
export async function readPictures(
  files: readonly string[],
  { preprocessing }: Manifest,
): Promise<Uint8Array[]> {
  configureDecoder();
  const step = Math.max(1, files.length / maxPictures);
  const count = Math.min(files.length, maxPictures);
  const pictures: Uint8Array[] = [];
  for (let index = 0; index < count; index += 1) {
    showProgress("reading pictures", index, count);
    const file = files[Math.floor(index * step)] ?? "";
    try {
      const bytes = await readInput(file, "--pictures", maxUploadBytes);
      // What a server takes where its configuration does not say otherwise.
      const header = await inspectImage(bytes, defaultLimits);
      const options = { preprocessing, timeoutSeconds, signal: never };
      const { pixels } = await prepareImage(bytes, header, options);
      pictures.push(pixels);
    } catch (error) {
      warn([`${file} is left out: ${describeCause(error)}`]);
    }
  }
  return pictures;
}

/** Pictures of noise: what there is to compare two models on where their owner gives none. */
export function noisePictures(count: number, { preprocessing }: Manifest): Uint8Array[] {
  const length = 3 * preprocessing.crop ** 2;
  let state = 1;
  return Array.from({ length: count }, () =>
    Uint8Array.from({ length }, () => {
      // Knuth's and Lewis' linear congruence; its high bits are the random ones.
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    }),
  );
}
