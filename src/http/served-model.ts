import type { Request } from "express";
import { RequestError } from "./request-error.js";
import type { ModelDescription } from "../inference/classifier.js";

/**
 * The model that a request's path names in `:name` and, if it has one, `:version`.
 *
 * @throws RequestError NOT_FOUND
 */
export function servedModel(
  { params }: Pick<Request, "params">,
  model: ModelDescription,
): ModelDescription {
  if (params["name"] !== model.name) {
    throw new RequestError("NOT_FOUND", `expected the model ${model.name}`);
  }
  if ((params["version"] ?? model.version) !== model.version) {
    throw new RequestError("NOT_FOUND", `expected the version ${model.version}`);
  }
  return model;
}
