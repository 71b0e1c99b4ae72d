import type { Config } from "../config/schema.js";
import type { AesKey, JweKey } from "../crypto/aes-key.js";
import { openJwe, readKid } from "../crypto/jwe.js";
import { decryptImage } from "../crypto/openssl-cbc.js";
import { RequestError } from "../errors.js";
import type { ImageKeys } from "../secrets/image-keys.js";
import type { Upload } from "./upload.js";

export type UploadFormat = Config["Inference"]["Images"]["Formats"][number];

/** The end of the name decides, then the part's type; never the bytes. */
export function formatOf({ name, mediaType }: Upload): UploadFormat {
  const lowerCase = name.toLowerCase();
  if (lowerCase.endsWith(".encrypted")) return "encrypted";
  if (lowerCase.endsWith(".jwe") || mediaType.toLowerCase() === "application/jose") return "jwe";
  return "plain";
}

/** What an answer is encrypted under, and the name that its reader knows the key by. */
export interface AnswerKey {
  kid: string;
  key: JweKey;
}

export interface OpenedUpload {
  /** The picture's file; under `encrypted` with its padding still behind it. */
  file: Uint8Array;
  /** The key that opened it: none of a plain upload. */
  openedBy: AesKey | undefined;
  /** What its answer may be encrypted under. */
  answerKey: AnswerKey | undefined;
}

/**
 * What an upload may be, one key after the other: a `.encrypted` one authenticates nothing, so that only
 * decoding tells whether it was this key. A plain upload is what it is; of an encrypted one there may
 * be nothing.
 */
export async function* openUpload(
  { bytes }: Upload,
  format: UploadFormat,
  keys: ImageKeys,
): AsyncGenerator<OpenedUpload> {
  if (format === "plain") {
    yield { file: bytes, openedBy: undefined, answerKey: undefined };
  } else if (format === "encrypted") {
    const seal = keys.sealKey();
    const answerKey = seal === undefined ? undefined : { kid: seal.id, key: seal.key };
    for (const { key } of keys.legacyCandidates()) {
      const file = decryptImage(key.secret, bytes);
      if (file !== undefined) yield { file, openedBy: key, answerKey };
    }
  } else {
    const token = trimEnd(bytes);
    const kid = readKid(token) ?? "";
    for (const { key } of keys.candidates(kid)) {
      const file = await openJwe(token, key);
      if (file !== undefined) yield { file, openedBy: key, answerKey: { kid, key } };
    }
  }
}

/** The one answer to every upload that does not decrypt to a picture: no detail, no cause. */
export function encryptedImageRejected(): RequestError {
  return new RequestError(
    "ENCRYPTED_IMAGE_REJECTED",
    "expected a picture encrypted under a key of this server's",
  );
}

/** Shells and editors end a text file with a line break, which is no part of the token. */
function trimEnd(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end -= 1;
  return bytes.subarray(0, end);
}
