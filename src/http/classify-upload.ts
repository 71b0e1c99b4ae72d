import { createHash } from "node:crypto";
import type { ServerAttestation } from "../attestation/proof/server-attestation.js";
import type { Config } from "../config/schema.js";
import { RequestError } from "./request-error.js";
import type { DecodeQueue, QueuedImage } from "../image/decode-queue.js";
import { ImageError } from "../image/image-error.js";
import type { Classifier } from "../inference/classifier.js";
import { rank } from "../inference/ranking.js";
import type { ImageKeys } from "../keys/image-keys.js";
import type { Answer, AnswerKey } from "./answer.js";
import { withFormatHint } from "./format-hint.js";
import type { ReceiptRequest } from "./receipt-request.js";
import type { Upload } from "./upload.js";
import type { OpenedUpload, UploadFormat } from "./upload-format.js";

/** Labels of an answer if the request does not say how many. */
export const defaultTop = 5;

export interface ClassifyOptions {
  classifier: Classifier;
  decoder: DecodeQueue;
  keys: ImageKeys;
  /** Opens attested uploads and signs receipts. */
  attestation: ServerAttestation;
  results: Config["Inference"]["Results"];
  /** Called with the duration of each stage. */
  onStage: (stage: Stage, tookMs: number) => void;
}

/**
 * The stages of a request, for the metrics. `queue` is the waiting for decoding and for the model together. For a refused
 * upload only `upload` is reported: the other durations would tell a reader of the metrics why it was refused.
 */
export type Stage = "upload" | "decrypt" | "decode" | "queue" | "inference";

export interface UploadToClassify {
  upload: Upload;
  format: UploadFormat;
  /** The number of labels to return, unless the upload carries its request. */
  top: number;
  /** Whether the answer is to have a receipt, unless the upload carries its request. */
  receipt: ReceiptRequest | undefined;
  /** The client's network (client-network.ts): the queues serve clients in turn. */
  client: string;
  /** Aborts when the client has disconnected or the request's deadline has passed. */
  signal: AbortSignal;
}

export interface Classified {
  answer: Answer;
  /** The key that may encrypt the answer. */
  answerKey: AnswerKey | undefined;
  /** The number of labels that were asked for. */
  top: number;
  /** SHA-256 of the upload as it came, in hexadecimal; empty where neither a receipt nor an encrypted answer names it. */
  request: string;
  /** What the receipt says of the request; undefined: none was asked for. */
  receipt: (ReceiptRequest & { request: string }) | undefined;
}

/** The most labels that a request may ask for. */
export function largestTop({
  classifier,
  results,
}: Pick<ClassifyOptions, "results"> & { classifier: Pick<Classifier, "model"> }): number {
  return Math.min(classifier.model.labels.length, results.MaxTop);
}

/**
 * Decrypts, decodes and classifies an upload. The upload's memory is released as soon as the picture is decoded.
 *
 * @throws RequestError ENCRYPTED_IMAGE_REJECTED for every encrypted upload that does not decrypt to a picture, whatever
 *   the reason; what the decoder, the classifier and, for a receipt, the attestation throw
 */
export async function classifyUpload(
  { upload, format, client, signal, ...request }: UploadToClassify,
  options: ClassifyOptions,
): Promise<Classified> {
  const { classifier, onStage, results } = options;
  const prepare = (file: Uint8Array): Promise<QueuedImage> =>
    options.decoder.prepare(file, signal, client);
  const { image, openedBy, answerKey, asked, decryptMs } = await openAndPrepare(
    upload,
    format,
    options,
    prepare,
  );
  const { top, receipt } = asked === undefined ? request : fromUpload(asked, options);
  const isDigestNeeded = receipt !== undefined || answerKey !== undefined;
  const digest = isDigestNeeded ? sha256(upload.bytes) : "";
  const subject = receipt && { ...receipt, request: digest };
  // Before the model works for an answer that could not be given.
  if (subject !== undefined) await options.attestation.measurement();
  upload.release();
  const { pixels, width, height, format: fileFormat, decodeMs } = image;
  const { probabilities, inferenceMs, ...waited } = await classifier.classify(
    pixels,
    signal,
    openedBy,
  );
  const queueMs = image.queueMs + waited.queueMs;
  const isEncrypted = format.protection !== "none";
  if (isEncrypted) onStage("decrypt", decryptMs);
  onStage("decode", decodeMs);
  onStage("queue", queueMs);
  onStage("inference", inferenceMs);
  const { model } = classifier;
  const answer: Answer = {
    model,
    image: { width, height, format: fileFormat, encrypted: isEncrypted },
    predictions: rank(probabilities, model.labels, top),
    probabilities: revealsProbabilities(format, results),
    timings: { queueMs, decodeMs, inferenceMs },
  };
  return { answer, answerKey, top, request: digest, receipt: subject };
}

function fromUpload(
  { top, receipt }: NonNullable<OpenedUpload["asked"]>,
  options: ClassifyOptions,
): { top: number; receipt: ReceiptRequest | undefined } {
  return {
    top: top ?? Math.min(defaultTop, largestTop(options)),
    // The bytes of such an upload never repeat: they are the receipt's nonce.
    receipt: receipt ? { nonce: undefined } : undefined,
  };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Whether answers to uploads of a format contain probabilities: `Results.Probabilities`. */
export function revealsProbabilities(
  { protection }: Pick<UploadFormat, "protection">,
  { Probabilities: whose }: Config["Inference"]["Results"],
): boolean {
  return whose === "all" || (whose === "jwe" && protection === "authenticated");
}

interface OpenedImage extends Omit<OpenedUpload, "file"> {
  image: QueuedImage;
  /** Time for decryption with all keys that were tried. */
  decryptMs: number;
}

async function openAndPrepare(
  { bytes }: Upload,
  format: UploadFormat,
  { keys, attestation, ...options }: ClassifyOptions,
  prepare: (file: Uint8Array) => Promise<QueuedImage>,
): Promise<OpenedImage> {
  let decryptMs = 0;
  let since = performance.now();
  for await (const { file, ...opened } of format.open(bytes, keys, attestation.encryptionKey)) {
    decryptMs += performance.now() - since;
    if ((opened.asked?.top ?? 1) > largestTop(options)) break;
    try {
      return { image: await prepare(file), ...opened, decryptMs };
    } catch (error) {
      if (format.protection === "none") throw withFormatHint(error, bytes);
      if (!isRefusedImage(error)) throw error;
    }
    since = performance.now();
  }
  throw encryptedImageRejected();
}

/** Whether the decoder refused the bytes, as it does with what a wrong key decrypts to. */
function isRefusedImage(error: unknown): boolean {
  return (
    error instanceof ImageError &&
    ["IMAGE_UNSUPPORTED", "IMAGE_TOO_LARGE", "DECODE_TIMEOUT"].includes(error.code)
  );
}

/** The same answer for every encrypted upload that does not decrypt to a picture: no detail and no cause. */
function encryptedImageRejected(): RequestError {
  return new RequestError(
    "ENCRYPTED_IMAGE_REJECTED",
    "expected a picture encrypted under a key of this server's",
  );
}
