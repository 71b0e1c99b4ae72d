import type { Request, RequestHandler, Response } from "express";
import type { Config } from "../config/schema.js";
import type { AesKey } from "../crypto/aes-key.js";
import { RequestError } from "../errors.js";
import type { DecodeQueue, QueuedImage } from "../image/decode-queue.js";
import type { Classifier } from "../inference/classifier.js";
import { Deadline } from "../net/deadline.js";
import { withSignal } from "../net/retry.js";
import { rank } from "../inference/ranking.js";
import type { ImageKeys } from "../secrets/image-keys.js";
import { AnswerSize } from "./answer-size.js";
import { answerTypes, toJose, toJson, toText, type Answer, type AnswerType } from "./answer.js";
import {
  encryptedImageRejected,
  formatOf,
  openUpload,
  type AnswerKey,
  type UploadFormat,
} from "./open-upload.js";
import type { LegacyUploads } from "./legacy-uploads.js";
import type { Upload, UploadReader } from "./upload.js";

export interface EvaluateOptions {
  classifier: Classifier;
  decoder: DecodeQueue;
  keys: ImageKeys;
  uploads: UploadReader;
  legacyUploads: LegacyUploads;
  formats: readonly UploadFormat[];
  results: Config["Inference"]["Results"];
  requestTimeoutMs: number;
  onStage: (stage: Stage, tookMs: number) => void;
}

/**
 * What a request's time goes into; `queue` is all waiting, for decoding and for the model. All but `upload` are told of
 * answered uploads alone: the figures of a refused one would tell their reader why it was refused.
 */
export type Stage = "upload" | "decrypt" | "decode" | "queue" | "inference";

const defaultTop = 5;
const everyAnswerType: AnswerType[] = ["text/plain", "application/json", "application/jose"];

/** `POST /evaluate`: an image in, the most probable labels out. */
export function evaluate(options: EvaluateOptions): RequestHandler {
  const answerSize = new AnswerSize(options.classifier.model);
  return async (request, response) => {
    const signal = requestSignal(response, options.requestTimeoutMs);
    const top = readTop(request, options);
    // Before the upload is read: what no upload could be answered in.
    negotiate(request, everyAnswerType);

    const start = performance.now();
    const upload = await options.uploads.read(request, response);
    options.onStage("upload", performance.now() - start);
    const format = formatOf(upload);
    if (!options.formats.includes(format)) {
      throw new RequestError(
        "FORMAT_REFUSED",
        `expected an upload of the format ${options.formats.join(" or ")}; got ${format}`,
      );
    }
    const type = chooseAnswerType(request, format, options);
    const client = request.socket.remoteAddress ?? "";
    if (format === "encrypted") options.legacyUploads.admit(client, upload.bytes);

    const work = classifyUpload(upload, format, top, signal, client, options);
    const { answer, answerKey } = await withSignal(work, signal);
    if (format === "encrypted" && type === "application/jose") answer.image.authenticated = false;
    response.type(type);
    if (type === "text/plain") response.send(toText(answer));
    else if (type === "application/json") response.send(toJson(answer));
    // As bytes: Express would add a charset to the type of a text.
    else if (answerKey !== undefined) {
      const bytes = answerSize.paddedBytes(top);
      response.send(Buffer.from(await toJose(answer, answerKey, bytes)));
    } else throw new Error("an encrypted answer to an upload without a key");
  };
}

async function classifyUpload(
  upload: Upload,
  format: UploadFormat,
  top: number,
  signal: AbortSignal,
  client: string,
  options: EvaluateOptions,
): Promise<{ answer: Answer; answerKey: AnswerKey | undefined }> {
  const { classifier, onStage, results } = options;
  const opened = await openAndPrepare(upload, format, signal, client, options);
  const { image, openedBy, answerKey, decryptMs } = opened;
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

/** Aborts when the time for an answer is up, or nobody is there to read it. */
function requestSignal(response: Response, timeoutMs: number): AbortSignal {
  const deadline = new Deadline(timeoutMs);
  response.once("close", () => {
    deadline.abort(new Error("nobody waits for an answer"));
  });
  return deadline.signal;
}

function readTop(request: Request, { classifier, results }: EvaluateOptions): number {
  const largest = Math.min(classifier.model.labels.length, results.MaxTop);
  const value = request.query["top"];
  if (value === undefined) return Math.min(defaultTop, largest);
  const top = typeof value === "string" && /^\d{1,6}$/u.test(value) ? Number(value) : 0;
  if (top >= 1 && top <= largest) return top;
  throw new RequestError(
    "PARAMETER_INVALID",
    `expected one \`top\`, a whole number from 1 to ${largest}`,
  );
}

function chooseAnswerType(
  request: Request,
  format: UploadFormat,
  { results, keys }: EvaluateOptions,
): AnswerType {
  const types = answerTypes(format, results.Encrypt, keys.sealKey() !== undefined);
  if (types.length === 0) {
    throw new RequestError(
      "NOT_ACCEPTABLE",
      "answers to .encrypted uploads are encrypted here, and the key for that (Results.Key) could not be had; .jwe " +
        "uploads need none",
    );
  }
  const [only, ...others] = types;
  return only === "application/jose" && others.length === 0 ? only : negotiate(request, types);
}

/** @throws RequestError NOT_ACCEPTABLE */
function negotiate(request: Request, types: readonly AnswerType[]): AnswerType {
  const best = request.accepts([...types]);
  const found = types.find((type) => type === best);
  if (found === undefined) {
    throw new RequestError("NOT_ACCEPTABLE", `expected Accept to allow ${types.join(" or ")}`);
  }
  return found;
}

interface Opened {
  image: QueuedImage;
  openedBy: AesKey | undefined;
  answerKey: AnswerKey | undefined;
  /** Of all keys that were tried. */
  decryptMs: number;
}

/** @throws RequestError ENCRYPTED_IMAGE_REJECTED, the same whatever the reason */
async function openAndPrepare(
  upload: Upload,
  format: UploadFormat,
  signal: AbortSignal,
  client: string,
  { keys, decoder }: EvaluateOptions,
): Promise<Opened> {
  let decryptMs = 0;
  let since = performance.now();
  for await (const { file, ...of } of openUpload(upload, format, keys)) {
    decryptMs += performance.now() - since;
    try {
      return { image: await decoder.prepare(file, signal, client), ...of, decryptMs };
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
