import { describeCause, RequestError } from "../errors.js";

/**
 * What the parts that decode say when an allocation fails: libvips, libjpeg, libspng, libheif, C++, V8. libheif's
 * "Memory allocation error: Security limit exceeded" is about the file.
 */
const outOfMemory =
  /out of memory|insufficient memory|memory allocation(?! error: security limit)|cannot allocate|bad_alloc|allocation failed|unable to grow/iu;
/** sharp's, when `timeout` is over. */
const timedOut = /^timeout: \d+% complete/mu;

/** @returns what the sender of a picture is told when decoding it fails: the picture's fault, or the server's */
export function decodeFailure(cause: unknown): RequestError {
  const reason = describeCause(cause);
  if (outOfMemory.test(reason)) {
    return new RequestError(
      "OUT_OF_MEMORY",
      "no memory is left to decode a picture; try again soon",
      {
        cause,
        retryAfterSeconds: 1,
      },
    );
  }
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
