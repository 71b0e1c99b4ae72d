import type { RequestHandler } from "express";
import { RequestError } from "../request-error.js";
import { withSignal } from "../../bounds/deadline.js";
import { AnswerSize } from "../answer-size.js";
import { clientAddress } from "../client-address.js";
import { onlyPost } from "../methods.js";
import type { Route } from "../openapi/operation.js";
import { refuseWhen, requestSignal } from "../request-signal.js";
import { servedModel } from "../served-model.js";
import { inferOperations } from "./infer-operations.js";
import { readInference, type InferenceOptions } from "./read-inference.js";
import { sendInference } from "./response.js";
import { runInference } from "./run-inference.js";
import { mostJsonBytes, readJsonLength } from "./split-body.js";

/** `POST /v2/models/NAME[/versions/VERSION]/infer` (Open Inference Protocol v2, REST). */
export const infer: Route<InferenceOptions> = {
  register(router, options) {
    const handlers = [refuseWhen(options.isStopping), answerInference(options)];
    onlyPost(router, "/v2/models/:name/infer", ...handlers);
    onlyPost(router, "/v2/models/:name/versions/:version/infer", ...handlers);
  },
  operations: inferOperations,
};

function answerInference(options: InferenceOptions): RequestHandler {
  const { model } = options.classifier;
  const answerSize = new AnswerSize(model);
  return async (request, response) => {
    const signal = requestSignal(response, options.requestTimeoutMs);
    servedModel(request, model);
    if (request.accepts(["application/json", "application/octet-stream"]) === false) {
      throw new RequestError("NOT_ACCEPTABLE", "expected Accept to allow application/json");
    }
    const jsonLength = readJsonLength(request);
    const start = performance.now();
    const mostBytes = jsonLength === undefined ? mostJsonBytes : undefined;
    const body = await options.uploads.readBody(request, signal, mostBytes);
    options.onStage("upload", performance.now() - start);
    const address = clientAddress(request);
    const work = (async () => {
      const inference = readInference(body, jsonLength, options);
      const { id, output } = inference;
      const context = { options, answerSize, body, address, signal };
      return { id, output, tensor: await runInference(inference, context) };
    })().finally(() => {
      body.release();
    });
    const { id, output, tensor } = await withSignal(work, signal);
    sendInference(response, { model, id, tensor, isBinary: output.isBinary });
  };
}
