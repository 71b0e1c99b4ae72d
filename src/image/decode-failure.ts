import { describeCause, RequestError } from "../errors.js";

/**
 * What the parts that decode say when an allocation fails: libvips, libjpeg, libspng, libheif, C++, GLib, V8. libheif's
 * "Memory allocation error: Security limit exceeded" is about the file.
 */
const memoryMessages =
  /out of memory|insufficient memory|memory allocation(?! error: security limit)|cannot allocate|bad_alloc|allocation failed|unable to grow|creating thread/iu;
/** sharp's, when `timeout` is over. */
const timedOut = /^timeout: \d+% complete/mu;

/** @returns what the sender of a picture is told when decoding it fails: the picture's fault, or the server's */
export function decodeFailure(cause: unknown): RequestError {
  const reason = describeCause(cause);
  if (memoryMessages.test(reason)) return outOfMemory(cause);
  if (timedOut.test(reason)) {
    return new RequestError(
      "DECODE_TIMEOUT",
      "expected a picture that is decoded within Images.DecodeTimeoutMs",
      { cause, retryAfterSeconds: 1 },
    );
  }
  return new RequestError(
    "IMAGE_UNSUPPORTED",
    "expected a whole JPEG, PNG, WebP, GIF, TIFF or AVIF picture",
    { cause },
  );
}

/** An allocation failed: the server's fault, whatever the picture is. */
export function outOfMemory(cause: unknown): RequestError {
  return new RequestError(
    "OUT_OF_MEMORY",
    "expected memory enough to decode a picture; none is left. Try again soon",
    { cause, retryAfterSeconds: 1 },
  );
}

/** A picture that libvips and Pillow read differently: no answer is better than one from other pixels. */
export function unlikePillow(what: string): RequestError {
  return new RequestError(
    "IMAGE_UNSUPPORTED",
    `expected a picture of a kind that docs/pictures.md lists; got ${what}`,
  );
}
