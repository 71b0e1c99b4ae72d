import type { Request } from "express";
import { RequestError } from "../request-error.js";

/** The length in bytes of a request's JSON, where binary data follows it. */
export const jsonLengthHeader = "Inference-Header-Content-Length";

/**
 * The most bytes of a request's JSON. JSON is parsed in one step, during which the server answers nobody else: 4 MiB of
 * numbers take some 60 ms. The parsed values take up to about 20 times the bytes, for one request at a time.
 */
export const mostJsonBytes = 4_194_304;

/**
 * Reads the header of the binary tensor data extension.
 *
 * @returns undefined where the whole body is JSON
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

/**
 * Splits a body into its JSON and its binary data (Triton's binary tensor data extension).
 *
 * @param jsonLength bytes of the JSON; undefined: all
 * @throws RequestError UPLOAD_MALFORMED
 */
export function splitBody(body: Buffer, jsonLength = body.length): SplitBody {
  if (jsonLength > body.length) {
    throw malformed(`a body of at least ${jsonLength} bytes, as ${jsonLengthHeader} says`);
  }
  return { json: parse(body.subarray(0, jsonLength)), binary: body.subarray(jsonLength) };
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
