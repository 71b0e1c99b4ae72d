import { isNativeError } from "node:util/types";
import { describeCause, RequestError } from "../errors.js";

/** What the parts that decode say when an allocation fails: libvips, libjpeg, libspng, libheif, C++, GLib, V8. */
const memoryMessage =
  /out of memory|insufficient memory|memory allocation|cannot allocate|bad_alloc|allocation failed|unable to grow|creating thread/iu;
/**
 * What they say when a file asks for more than they give any: libheif's "Memory allocation error: Security limit
 * exceeded", libtiff's "Memory allocation of 9 bytes is beyond the 8 byte limit defined in open options".
 */
const limitMessage = /security limit|limit exceeded|exceed\w* .*limit|beyond the .*limit/iu;
/** sharp's, when `timeout` is over; libvips' messages may come before it. */
const timedOut = /timeout: \d+% complete/u;

/** @returns what the sender of a picture is told when decoding it fails: the picture's fault, or the server's */
export function decodeFailure(cause: unknown): RequestError {
  const lines = linesOf(cause);
  if (lines.some((line) => memoryMessage.test(line) && !limitMessage.test(line))) {
    return outOfMemory(cause);
  }
  if (lines.some((line) => timedOut.test(line))) {
    return new RequestError(
      "DECODE_TIMEOUT",
      "expected a picture that is decoded within Images.DecodeTimeoutMs",
      { cause, retryAfterSeconds: 1 },
    );
  }
  return notAPicture(cause);
}

/** @param wanted what a parser of ours expected; the sender is told only that the picture is not whole */
export function notWhole(wanted: string): RequestError {
  return notAPicture(new Error(`expected ${wanted}`));
}

function notAPicture(cause: unknown): RequestError {
  return new RequestError(
    "IMAGE_UNSUPPORTED",
    "expected a whole JPEG, PNG, WebP, GIF, TIFF or AVIF picture",
    { cause },
  );
}

/** libvips puts what several parts said into one message, each in a line of its own. */
function linesOf(cause: unknown): string[] {
  return isNativeError(cause) ? cause.message.split("\n") : [describeCause(cause)];
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
