import { RequestError } from "../request-error.js";
import type { ModelDescription } from "../../inference/classifier.js";
import { uploadFormats } from "../formats.js";
import type { Body } from "../request-body.js";
import type { UploadFormat } from "../upload-format.js";
import type { InferenceRequest, RequestInput } from "./request-schema.js";
import { malformed, type SplitBody } from "./split-body.js";
import {
  decodeBase64,
  readBinaryElements,
  readBinaryFloats,
  readJsonElements,
  readJsonFloats,
} from "./tensor-data.js";

const floatBytes = 4;
/** Formats whose files are texts, which need no base64 in JSON. */
const tokenFormats = ["jwe", "attested"];

/** A request's input, without its data. */
export interface CheckedInput {
  datatype: RequestInput["datatype"];
  /** Format of the pictures; the format of FP32 tensors is the plain one. */
  format: UploadFormat;
  /** Number of pictures. */
  count: number;
  shape: readonly number[];
  /** Whether JSON strings are base64: bytes that are no text have no other form in JSON. */
  isBase64: boolean;
  /** A list of JSON values; undefined for binary data. */
  data: readonly unknown[] | undefined;
}

/**
 * Checks name, shape and parameters of a request's input against the model.
 *
 * @param binaryBytes bytes behind the JSON
 * @param maxPictures the most pictures in a request
 * @throws RequestError PARAMETER_INVALID, UPLOAD_MALFORMED
 */
export function checkInput(
  request: InferenceRequest,
  binaryBytes: number,
  { input: expected }: Pick<ModelDescription, "input">,
  maxPictures: number,
): CheckedInput {
  const [{ name, shape, datatype, parameters, data }] = request.inputs;
  if (name !== expected.name) throw invalid(`the input ${expected.name}`);
  const format = parameters?.format ?? request.parameters?.format ?? "plain";
  const contentType = parameters?.content_type ?? request.parameters?.content_type;
  if (datatype === "FP32" && format !== "plain") throw invalid("no `format` for an FP32 tensor");
  const [count = 0, ...picture] = shape;
  const pictureShape = expected.shape.slice(1);
  const isShaped =
    datatype === "FP32"
      ? picture.join() === pictureShape.join()
      : picture.length === 0 || (picture.length === 1 && picture[0] === 1);
  if (!isShaped || count < 1 || count > maxPictures) {
    const wanted = datatype === "FP32" ? `[N, ${pictureShape.join(", ")}]` : "[N] or [N, 1]";
    throw invalid(`a ${datatype} tensor of the shape ${wanted} with N from 1 to ${maxPictures}`);
  }
  const binarySize = parameters?.binary_data_size;
  if ((data === undefined) === (binarySize === undefined)) {
    throw malformed("either `data` or `binary_data_size`");
  }
  if ((binarySize ?? 0) !== binaryBytes) {
    throw malformed(`${binarySize ?? 0} bytes behind the JSON; got ${binaryBytes}`);
  }
  return {
    datatype,
    format: uploadFormats[format],
    count,
    shape,
    isBase64: contentType === "base64" || !tokenFormats.includes(format),
    data: Array.isArray(data) ? data : undefined,
  };
}

/** The numbers of one picture. */
export function pictureValues({ input: { shape } }: Pick<ModelDescription, "input">): number {
  return shape.slice(1).reduce((a, b) => a * b, 1);
}

/**
 * Decodes an FP32 tensor into one array for each picture, whose memory then counts in place of the body's.
 *
 * @throws RequestError UPLOAD_MALFORMED, OVERLOADED
 */
export function takeFloats(body: Body, { binary }: SplitBody, input: CheckedInput): Float32Array[] {
  const { shape, count, data } = input;
  const size = shape.slice(1).reduce((a, b) => a * b, 1);
  return body.replaceBy(count * size * floatBytes, () =>
    data === undefined ? readBinaryFloats(binary, count, size) : readJsonFloats(data, shape),
  );
}

/**
 * The elements of a BYTES tensor: views of the body, or decoded from JSON strings, and then counted in its place.
 *
 * @throws RequestError UPLOAD_MALFORMED, OVERLOADED
 */
export function takeElements(body: Body, { binary }: SplitBody, input: CheckedInput): Buffer[] {
  const { data, shape, count, isBase64 } = input;
  if (data === undefined) return readBinaryElements(binary, count);
  const texts = readJsonElements(data, shape);
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return body.replaceBy(bytes, () =>
    texts.map((text) => (isBase64 ? decodeBase64(text) : Buffer.from(text))),
  );
}

function invalid(expected: string): RequestError {
  return new RequestError("PARAMETER_INVALID", `expected ${expected}`);
}
