import { readHeader } from "../crypto/jwe-header.js";
import { ImageError } from "../image/image-error.js";
import { hasPictureSignature } from "../image/picture-signature.js";

const blockBytes = 16;
const dot = ".".charCodeAt(0);
const dotsOfJwe = 4;

/**
 * Adds a hint to the error of a plain upload that looks encrypted: its name did not say so. The hint depends on the bytes
 * that the client sent and on no key.
 *
 * @param error what decoding the upload threw
 * @param bytes the upload as it was sent
 * @returns IMAGE_UNSUPPORTED with a longer message, or `error` itself
 */
export function withFormatHint(error: unknown, bytes: Buffer): unknown {
  if (!(error instanceof ImageError) || error.code !== "IMAGE_UNSUPPORTED") return error;
  const hint = hintFor(bytes);
  if (hint === undefined) return error;
  return new ImageError(error.code, `${error.message}; ${hint}`, { cause: error });
}

function hintFor(bytes: Buffer): string | undefined {
  if (isLikeJwe(bytes)) {
    return "it looks like a JWE, whose name must end with .jwe (or its media type be application/jose)";
  }
  if (bytes.length > 0 && bytes.length % blockBytes === 0 && !hasPictureSignature(bytes)) {
    return "if it is an .encrypted file, its name must end with .encrypted";
  }
  return undefined;
}

/** Whether the bytes have a JWE's header and five parts (RFC 7516, section 3.1). */
function isLikeJwe(bytes: Buffer): boolean {
  if (readHeader(bytes) === undefined) return false;
  let dots = 0;
  for (let at = bytes.indexOf(dot); at >= 0; at = bytes.indexOf(dot, at + 1)) {
    dots += 1;
    if (dots > dotsOfJwe) return false;
  }
  return dots === dotsOfJwe;
}
