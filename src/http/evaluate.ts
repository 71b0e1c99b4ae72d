import type { Request, RequestHandler } from "express";
import { RequestError } from "./request-error.js";
import { withSignal } from "../bounds/deadline.js";
import { AnswerSize } from "./answer-size.js";
import { toJose, toJson, toText, type AnswerType } from "./answer.js";
import { classifyAdmitted, permittedAnswers, type AdmitOptions } from "./classify-admitted.js";
import { defaultTop, type Classified } from "./classify-upload.js";
import { formatOf } from "./formats.js";
import { evaluateOperation } from "./evaluate-operation.js";
import { onlyPost } from "./methods.js";
import type { Route } from "./openapi/operation.js";
import { refuseWhen, requestSignal } from "./request-signal.js";
import type { Upload, UploadReader } from "./upload.js";

export interface EvaluateOptions extends AdmitOptions {
  uploads: UploadReader;
  requestTimeoutMs: number;
  isStopping: () => boolean;
}

const everyAnswerType: AnswerType[] = ["text/plain", "application/json", "application/jose"];

/** `POST /evaluate`: classifies the picture of a multipart upload and answers with the most probable labels. */
export const evaluate: Route<EvaluateOptions> = {
  register(router, options) {
    onlyPost(router, "/evaluate", refuseWhen(options.isStopping), answerEvaluate(options));
  },
  operations: () => [evaluateOperation],
};

function answerEvaluate(options: EvaluateOptions): RequestHandler {
  const answerSize = new AnswerSize(options.classifier.model);
  return async (request, response) => {
    const signal = requestSignal(response, options.requestTimeoutMs);
    refuseUnknownParameters(request);
    const top = readTop(request, options);
    // Called before the upload is read, to refuse an `Accept` that no format satisfies.
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
  const type = chooseAnswerType(request, permittedAnswers(format, options));
  const { remoteAddress } = request.socket;
  const admitted = { upload, format, top, type, remoteAddress, signal };
  return { type, ...(await classifyAdmitted(admitted, options)) };
}

/** A misspelt parameter would be answered as if it were absent. */
function refuseUnknownParameters({ query }: Request): void {
  if (Object.keys(query).every((name) => name === "top")) return;
  throw new RequestError("PARAMETER_INVALID", "expected no query parameter other than `top`");
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

function chooseAnswerType(request: Request, types: readonly AnswerType[]): AnswerType {
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
