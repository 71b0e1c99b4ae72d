import type { Request } from "express";
import { RequestError } from "../request-error.js";
import { isPlainEnough } from "./json-outline.js";

/** The length in bytes of a request's JSON, if binary data follows it. */
export const jsonLengthHeader = "Inference-Header-Content-Length";

/**
 * The most bytes of a request's JSON: enough for one picture of 224 × 224 pixels as numbers. JSON is parsed in one step,
 * during which the server answers nobody else: up to about 0.2 s. The parsed values take several times the bytes, for
 * one request at a time.
 */
export const mostJsonBytes = 4_194_304;

/**
 * Reads the header of the binary tensor data extension.
 *
 * @returns undefined if the whole body is JSON
 * @throws RequestError UPLOAD_MALFORMED, UPLOAD_TOO_LARGE
 */
export function readJsonLength(request: Request): number | undefined {
  const value = request.get(jsonLengthHeader);
  if (value === undefined) return undefined;
  if (!/^\d{1,15}$/u.test(value)) {
    throw malformed(`${jsonLengthHeader} to be a whole number of bytes`);
  }
  const length = Number(value);
  if (length <= mostJsonBytes) return length;
  throw new RequestError(
    "UPLOAD_TOO_LARGE",
    `expected at most ${mostJsonBytes} bytes of JSON; send tensors as binary data`,
  );
}

/** A request's JSON, and the binary data behind it: a view of the body's bytes. */
export interface SplitBody {
  json: unknown;
  binary: Buffer;
}

export interface SplitOptions {
  /** Bytes of the JSON; undefined: all. */
  jsonLength: number | undefined;
  /** The most values in the JSON's lists. */
  mostValues: number;
}

/**
 * Splits a body into its JSON and its binary data (Triton's binary tensor data extension).
 *
 * @throws RequestError UPLOAD_MALFORMED, PARAMETER_INVALID
 */
export function splitBody(
  body: Buffer,
  { jsonLength = body.length, mostValues }: SplitOptions,
): SplitBody {
  if (jsonLength > body.length) {
    throw malformed(`a body of at least ${jsonLength} bytes, as ${jsonLengthHeader} says`);
  }
  const json = body.subarray(0, jsonLength);
  if (!isPlainEnough(json, mostValues)) {
    throw new RequestError(
      "PARAMETER_INVALID",
      `expected one input of at most ${mostValues} values, and few others`,
    );
  }
  return { json: parse(json), binary: body.subarray(jsonLength) };
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw malformed("a body of JSON in UTF-8", cause);
  }
}

export function malformed(expected: string, cause?: unknown): RequestError {
  return new RequestError("UPLOAD_MALFORMED", `expected ${expected}`, { cause });
}
