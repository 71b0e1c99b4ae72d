import type { Request, RequestHandler } from "express";
import { RequestError } from "./request-error.js";
import { withSignal } from "../bounds/deadline.js";
import { AnswerSize } from "./answer-size.js";
import { toServerTiming, type AnswerType } from "./answer.js";
import { classifyAdmitted, permittedAnswers, type AdmitOptions } from "./classify-admitted.js";
import { defaultTop, largestTop, type Classified } from "./classify-upload.js";
import { clientAddress } from "./client-address.js";
import { formatOf } from "./formats.js";
import { evaluateOperation } from "./evaluate-operation.js";
import { onlyPost } from "./methods.js";
import type { Route } from "./openapi/operation.js";
import { readReceiptRequest, type ReceiptRequest } from "./receipt-request.js";
import { render } from "./render.js";
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
    const asked = { top: readTop(request, options), receipt: readReceiptRequest(request) };
    // Refuses an `Accept` that fits no format before the upload is read.
    if (!options.formats.includes("attested")) negotiate(request, everyAnswerType);

    const start = performance.now();
    const upload = await options.uploads.read(request, response, signal);
    options.onStage("upload", performance.now() - start);
    // After a disconnect, decoding may still use the upload's bytes: they count until the work on them has ended.
    const work = answerUpload(request, upload, { ...asked, signal }, options).finally(
      upload.release,
    );
    const { type, ...classified } = await withSignal(work, signal);
    const { attestation } = options;
    const { body, receipt } = await render(type, classified, { attestation, answerSize });
    response.type(type);
    if (receipt !== undefined) response.set("Receipt", receipt);
    // An encrypted answer contains the durations, and its header must not show them.
    if (type !== "application/jose")
      response.set("Server-Timing", toServerTiming(classified.answer));
    // As bytes: Express would append a charset to the media type of a string.
    response.send(type === "application/jose" ? Buffer.from(body) : body);
  };
}

async function answerUpload(
  request: Request,
  upload: Upload,
  asked: { top: number; receipt: ReceiptRequest | undefined; signal: AbortSignal },
  options: EvaluateOptions,
): Promise<Classified & { type: AnswerType }> {
  const format = formatOf(upload);
  const type = chooseAnswerType(request, permittedAnswers(format, options));
  if (format.carriesRequest === true && request.query["top"] !== undefined) {
    throw new RequestError(
      "PARAMETER_INVALID",
      "expected `top` of an attested upload in its protected header, which nobody on the way can change",
    );
  }
  const admitted = { upload, format, type, address: clientAddress(request), ...asked };
  return { type, ...(await classifyAdmitted(admitted, options)) };
}

/** A misspelt parameter would be answered as if it were absent. */
function refuseUnknownParameters({ query }: Request): void {
  if (Object.keys(query).every((name) => name === "top")) return;
  throw new RequestError("PARAMETER_INVALID", "expected no query parameter other than `top`");
}

function readTop(request: Request, options: EvaluateOptions): number {
  const largest = largestTop(options);
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
