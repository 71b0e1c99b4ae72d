import type { Config } from "../config/schema.js";
import type { AesKey } from "../crypto/aes-key.js";
import { RequestError } from "../errors.js";
import type { DecodeQueue, QueuedImage } from "../image/decode-queue.js";
import type { Classifier } from "../inference/classifier.js";
import { rank } from "../inference/ranking.js";
import type { ImageKeys } from "../secrets/image-keys.js";
import type { Answer } from "./answer.js";
import {
  encryptedImageRejected,
  openUpload,
  type AnswerKey,
  type UploadFormat,
} from "./open-upload.js";
import type { Upload } from "./upload.js";

export interface ClassifyOptions {
  classifier: Classifier;
  decoder: DecodeQueue;
  keys: ImageKeys;
  results: Config["Inference"]["Results"];
  onStage: (stage: Stage, tookMs: number) => void;
}

/**
 * What a request's time goes into; `queue` is all waiting, for decoding and for the model. All but `upload` are told of
 * answered uploads alone: the figures of a refused one would tell their reader why it was refused.
 */
export type Stage = "upload" | "decrypt" | "decode" | "queue" | "inference";

export interface UploadToClassify {
  upload: Upload;
  format: UploadFormat;
  /** How many labels are asked for. */
  top: number;
  /** The client's network: clients take turns. */
  client: string;
  /** Aborts when nobody can get the answer any more. */
  signal: AbortSignal;
}

export interface Classified {
  answer: Answer;
  /** What the answer may be encrypted under. */
  answerKey: AnswerKey | undefined;
}

/**
 * Decrypts, decodes and classifies an upload.
 *
 * @throws RequestError ENCRYPTED_IMAGE_REJECTED, the same whatever the reason; what the decoder and the classifier throw
 */
export async function classifyUpload(
  { upload, format, top, client, signal }: UploadToClassify,
  options: ClassifyOptions,
): Promise<Classified> {
  const { classifier, onStage, results } = options;
  const prepare = (file: Uint8Array): Promise<QueuedImage> =>
    options.decoder.prepare(file, signal, client);
  const { image, openedBy, answerKey, decryptMs } = await openAndPrepare(
    upload,
    format,
    options.keys,
    prepare,
  );
  upload.release();
  const { pixels, width, height, format: fileFormat, decodeMs } = image;
  const { probabilities, inferenceMs, ...waited } = await classifier.classify(
    pixels,
    signal,
    openedBy,
  );
  const queueMs = image.queueMs + waited.queueMs;
  if (format !== "plain") onStage("decrypt", decryptMs);
  onStage("decode", decodeMs);
  onStage("queue", queueMs);
  onStage("inference", inferenceMs);
  const { model } = classifier;
  const answer: Answer = {
    model,
    image: { width, height, format: fileFormat, encrypted: format !== "plain" },
    predictions: rank(probabilities, model.labels, top),
    probabilities:
      results.Probabilities === "all" || (results.Probabilities === "jwe" && format === "jwe"),
    timings: { queueMs, decodeMs, inferenceMs },
  };
  return { answer, answerKey };
}

interface Opened {
  image: QueuedImage;
  /** The key that opened it: none of a plain upload. */
  openedBy: AesKey | undefined;
  answerKey: AnswerKey | undefined;
  /** Of all keys that were tried. */
  decryptMs: number;
}

async function openAndPrepare(
  upload: Upload,
  format: UploadFormat,
  keys: ImageKeys,
  prepare: (file: Uint8Array) => Promise<QueuedImage>,
): Promise<Opened> {
  let decryptMs = 0;
  let since = performance.now();
  for await (const { file, openedBy, answerKey } of openUpload(upload, format, keys)) {
    decryptMs += performance.now() - since;
    try {
      return { image: await prepare(file), openedBy, answerKey, decryptMs };
    } catch (error) {
      if (format === "plain" || !isNoPicture(error)) throw error;
    }
    since = performance.now();
  }
  throw encryptedImageRejected();
}

function isNoPicture(error: unknown): boolean {
  return (
    error instanceof RequestError &&
    ["IMAGE_UNSUPPORTED", "IMAGE_TOO_LARGE", "DECODE_TIMEOUT"].includes(error.code)
  );
}
