import { ConfigurationError, describeCause } from "./errors.js";
import type { DecodeQueue } from "./image/decode-queue.js";
import { ClassifierError } from "./inference/classifier-error.js";
import type { Classifier } from "./inference/classifier.js";

/** A PNG of one grey pixel, which every limit of the configuration admits. */
const picture = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNoaGgAAAMEAYFL09IQAAAAAElFTkSuQmCC",
  "base64",
);

export interface PictureTrial {
  decoder: Pick<DecodeQueue, "prepare">;
  classifier: Pick<Classifier, "classify">;
}

/**
 * Sends one picture the way that an upload's goes: decoding, resizing (WebAssembly) and the model. It loads what the first
 * request would load otherwise, so that a server whose files are not complete does not listen.
 *
 * The model may fail on this picture: trial-run.ts has tried it, and a picture of one pixel is nothing that it was made for.
 *
 * @throws ConfigurationError TRIAL_FAILED
 */
export async function tryPicture({ decoder, classifier }: PictureTrial): Promise<void> {
  const { signal } = new AbortController();
  try {
    const { pixels } = await decoder.prepare(picture, signal, "boot");
    await classifier.classify(pixels, signal, undefined);
  } catch (cause) {
    if (cause instanceof ClassifierError && cause.code === "MODEL_FAILED") return;
    throw new ConfigurationError(
      "TRIAL_FAILED",
      {
        doing: "classifying a first picture, of one pixel",
        expected: "all files of the server, and limits that admit the picture",
        got: describeCause(cause),
        fix: "If a file is missing, build the server again (make, make appdir, docker build); otherwise check Inference.Images",
      },
      { cause },
    );
  }
}
