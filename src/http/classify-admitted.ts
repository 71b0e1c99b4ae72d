import { RequestError } from "./request-error.js";
import type { AnswerType } from "./answer.js";
import { clientNetwork } from "./client-network.js";
import { classifyUpload, type Classified, type ClassifyOptions } from "./classify-upload.js";
import type { LegacyUploads } from "./legacy-uploads.js";
import type { ReceiptRequest } from "./receipt-request.js";
import type { Upload } from "./upload.js";
import type { UploadFormat, UploadFormatName } from "./upload-format.js";

export interface AdmitOptions extends ClassifyOptions {
  legacyUploads: LegacyUploads;
  /** The formats that are accepted: `Images.Formats`. */
  formats: readonly UploadFormatName[];
}

/**
 * The media types in which an upload of a format may be answered here, the default first; at least one.
 *
 * @throws RequestError FORMAT_REFUSED; NOT_ACCEPTABLE if the answer must be encrypted and there is no key for it
 */
export function permittedAnswers(
  format: UploadFormat,
  { formats, results, keys }: Pick<AdmitOptions, "formats" | "results" | "keys">,
): readonly AnswerType[] {
  if (!formats.includes(format.name)) {
    throw new RequestError(
      "FORMAT_REFUSED",
      `expected an upload of the format ${formats.join(" or ")}; got ${format.name}`,
    );
  }
  const types = format.answerTypes(results.Encrypt, keys.sealKey() !== undefined);
  if (types.length > 0) return types;
  throw new RequestError(
    "NOT_ACCEPTABLE",
    "answers to .encrypted uploads are encrypted here, and the key for that (Results.Key) could not be had; .jwe " +
      "uploads need none",
  );
}

export interface AdmittedUpload {
  upload: Upload;
  format: UploadFormat;
  /** The number of labels to return, unless the upload carries its request. */
  top: number;
  /** Whether the answer is to have a receipt, unless the upload carries its request. */
  receipt: ReceiptRequest | undefined;
  /** The media type of the answer, one of `permittedAnswers`. */
  type: AnswerType;
  /** Of the client (client-address.ts). */
  address: string | undefined;
  /** Aborts when the client has disconnected or the request's deadline has passed. */
  signal: AbortSignal;
}

/**
 * Classifies an upload; of a format without authentication it first counts it against the client's limit.
 *
 * @throws RequestError RATE_LIMITED; what `classifyUpload` throws
 */
export async function classifyAdmitted(
  { type, address, ...admitted }: AdmittedUpload,
  options: AdmitOptions,
): Promise<Classified> {
  const { format, upload } = admitted;
  const isAlterable = format.protection === "encrypted";
  if (isAlterable) options.legacyUploads.admit(address, upload.bytes);
  const client = clientNetwork(address);
  const classified = await classifyUpload({ ...admitted, client }, options);
  const { image } = classified.answer;
  if (isAlterable && type === "application/jose") image.authenticated = false;
  return classified;
}
