import type { Config } from "../config/schema.js";
import { openJwe } from "../crypto/jwe.js";
import { decryptImage } from "../crypto/openssl-cbc.js";
import { RequestError } from "../errors.js";
import type { ImageKey, ImageKeys } from "../secrets/image-keys.js";
import type { Upload } from "./upload.js";

export type UploadFormat = Config["Inference"]["Images"]["Formats"][number];

/** The end of the name decides, then the part's type; never the bytes. */
export function formatOf({ name, mediaType }: Upload): UploadFormat {
  const lowerCase = name.toLowerCase();
  if (lowerCase.endsWith(".encrypted")) return "encrypted";
  if (lowerCase.endsWith(".jwe") || mediaType.toLowerCase() === "application/jose") return "jwe";
  return "plain";
}

export interface OpenedUpload {
  /** The picture's file; under `encrypted` with its padding still behind it. */
  file: Uint8Array;
  /** The key that opened it: none of a plain upload. */
  key: ImageKey | undefined;
}

/** @throws RequestError ENCRYPTED_IMAGE_REJECTED, the same whatever the reason */
export async function openUpload(
  upload: Upload,
  format: UploadFormat,
  keys: ImageKeys,
): Promise<OpenedUpload> {
  if (format === "plain") return { file: upload.bytes, key: undefined };
  const opened = format === "encrypted" ? openLegacy(upload, keys) : await openJose(upload, keys);
  if (opened === undefined) throw encryptedImageRejected();
  return opened;
}

/** The one answer to every upload that does not decrypt to a picture: no detail, no cause. */
export function encryptedImageRejected(): RequestError {
  return new RequestError(
    "ENCRYPTED_IMAGE_REJECTED",
    "expected a picture encrypted under a key of this server's",
  );
}

function openLegacy({ bytes }: Upload, keys: ImageKeys): OpenedUpload | undefined {
  const key = keys.legacy;
  const file = key === undefined ? undefined : decryptImage(key.key, bytes);
  return file === undefined ? undefined : { file, key };
}

async function openJose({ bytes }: Upload, keys: ImageKeys): Promise<OpenedUpload | undefined> {
  const opened = await openJwe(trimEnd(bytes), (kid) => keys.find(kid)?.key);
  return opened === undefined ? undefined : { file: opened.plaintext, key: keys.find(opened.kid) };
}

/** Shells and editors end a text file with a line break, which is no part of the token. */
function trimEnd(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end -= 1;
  return bytes.subarray(0, end);
}
