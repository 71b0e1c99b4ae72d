import type { IRouter, Request, RequestHandler, Response } from "express";
import { RequestError } from "./request-error.js";
import { Deadline, withSignal } from "../bounds/deadline.js";
import { AnswerSize } from "./answer-size.js";
import { toJose, toJson, toText, type AnswerType } from "./answer.js";
import { clientNetwork } from "./client-network.js";
import { classifyUpload, type Classified, type ClassifyOptions } from "./classify-upload.js";
import type { LegacyUploads } from "./legacy-uploads.js";
import { formatOf } from "./formats.js";
import { onlyPost } from "./methods.js";
import type { Upload, UploadReader } from "./upload.js";
import type { UploadFormat, UploadFormatName } from "./upload-format.js";

export interface EvaluateOptions extends ClassifyOptions {
  uploads: UploadReader;
  legacyUploads: LegacyUploads;
  /** The formats that are accepted: `Images.Formats`. */
  formats: readonly UploadFormatName[];
  requestTimeoutMs: number;
  isStopping: () => boolean;
}

const defaultTop = 5;
const everyAnswerType: AnswerType[] = ["text/plain", "application/json", "application/jose"];

/** `POST /evaluate`: classifies the picture of a multipart upload and answers with the most probable labels. */
export function evaluateRoute(router: IRouter, options: EvaluateOptions): void {
  onlyPost(router, "/evaluate", refuseWhen(options.isStopping), evaluate(options));
}

function refuseWhen(isStopping: () => boolean): RequestHandler {
  return (_request, _response, next) => {
    if (!isStopping()) {
      next();
      return;
    }
    throw new RequestError("SHUTTING_DOWN", "the server is stopping; try another, or again soon");
  };
}

function evaluate(options: EvaluateOptions): RequestHandler {
  const answerSize = new AnswerSize(options.classifier.model);
  return async (request, response) => {
    const signal = requestSignal(response, options.requestTimeoutMs);
    const top = readTop(request, options);
    // Refuses an `Accept` that fits no format before the upload is read.
    negotiate(request, everyAnswerType);

    const start = performance.now();
    const upload = await options.uploads.read(request, response, signal);
    options.onStage("upload", performance.now() - start);
    // After a disconnect, decoding may still use the upload's bytes: they count until the work on them has ended.
    const work = answerUpload(request, upload, top, signal, options).finally(upload.release);
    const { type, answer, answerKey } = await withSignal(work, signal);
    response.type(type);
    if (type === "text/plain") response.send(toText(answer));
    else if (type === "application/json") response.send(toJson(answer));
    // As bytes: Express would append a charset to the media type of a string.
    else if (answerKey !== undefined) {
      const bytes = answerSize.paddedBytes(top);
      response.send(Buffer.from(await toJose(answer, answerKey, bytes)));
    } else throw new Error("an encrypted answer to an upload without a key");
  };
}

async function answerUpload(
  request: Request,
  upload: Upload,
  top: number,
  signal: AbortSignal,
  options: EvaluateOptions,
): Promise<Classified & { type: AnswerType }> {
  const format = formatOf(upload);
  if (!options.formats.includes(format.name)) {
    throw new RequestError(
      "FORMAT_REFUSED",
      `expected an upload of the format ${options.formats.join(" or ")}; got ${format.name}`,
    );
  }
  const type = chooseAnswerType(request, format, options);
  const { remoteAddress } = request.socket;
  const isAlterable = format.protection === "encrypted";
  if (isAlterable) options.legacyUploads.admit(remoteAddress, upload.bytes);
  const client = clientNetwork(remoteAddress);
  const classified = await classifyUpload({ upload, format, top, client, signal }, options);
  const { image } = classified.answer;
  if (isAlterable && type === "application/jose") image.authenticated = false;
  return { type, ...classified };
}

/** Aborts when the request's deadline has passed or its connection is closed. */
function requestSignal(response: Response, timeoutMs: number): AbortSignal {
  const deadline = new Deadline(timeoutMs);
  response.once("close", () => {
    deadline.abort(new Error("the client disconnected, or has its answer"));
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
  const types = format.answerTypes(results.Encrypt, keys.sealKey() !== undefined);
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
