import { isNativeError } from "node:util/types";
import { describeCause } from "../errors.js";
import { ImageError } from "./image-error.js";

/** Messages about a failed allocation, from libvips, libjpeg, libspng, libheif, C++, GLib and V8. */
const memoryMessage =
  /out of memory|insufficient memory|memory allocation|cannot allocate|bad_alloc|allocation failed|unable to grow|creating thread/iu;
/**
 * Messages about a file that needs more than a decoder's own limit: libheif's "Memory allocation error: Security limit
 * exceeded", libtiff's "Memory allocation of 9 bytes is beyond the 8 byte limit defined in open options".
 */
const limitMessage = /security limit|limit exceeded|exceed\w* .*limit|beyond the .*limit/iu;
/** sharp's message when its `timeout` expires. Messages of libvips may precede it, one per line. */
const timedOut = /timeout: \d+% complete/u;

/**
 * Maps an error of sharp to an ImageError.
 *
 * @param cause what sharp threw; it becomes the error's cause
 * @returns OUT_OF_MEMORY or DECODE_TIMEOUT if the message says so, IMAGE_UNSUPPORTED otherwise
 */
export function decodeFailure(cause: unknown): ImageError {
  const lines = linesOf(cause);
  if (lines.some((line) => memoryMessage.test(line) && !limitMessage.test(line))) {
    return outOfMemory(cause);
  }
  if (lines.some((line) => timedOut.test(line))) {
    return new ImageError(
      "DECODE_TIMEOUT",
      "expected a picture that is decoded within Images.DecodeTimeoutMs",
      { cause },
    );
  }
  return notAPicture(cause);
}

/**
 * Creates the error IMAGE_UNSUPPORTED for a file that one of this folder's parsers finds malformed.
 *
 * @param wanted noun phrase: what the parser expected. It goes into the error's cause only; the client gets a general
 *   message.
 */
export function notWhole(wanted: string): ImageError {
  return notAPicture(new Error(`expected ${wanted}`));
}

function notAPicture(cause: unknown): ImageError {
  return new ImageError(
    "IMAGE_UNSUPPORTED",
    "expected a whole JPEG, PNG, WebP, GIF, TIFF or AVIF picture",
    { cause },
  );
}

/** libvips joins the messages of several libraries, one per line. */
function linesOf(cause: unknown): string[] {
  return isNativeError(cause) ? cause.message.split("\n") : [describeCause(cause)];
}

/** Creates the error OUT_OF_MEMORY: an allocation failed. The same picture may be decoded later. */
export function outOfMemory(cause: unknown): ImageError {
  return new ImageError(
    "OUT_OF_MEMORY",
    "expected memory enough to decode a picture; none is left. Try again soon",
    { cause },
  );
}

/**
 * Creates the error IMAGE_UNSUPPORTED for a picture that libvips and Pillow decode to different pixels: a model trained
 * with Pillow would give wrong answers.
 *
 * @param what noun phrase: the kind of picture. It is part of the message to the client.
 */
export function unlikePillow(what: string): ImageError {
  return new ImageError(
    "IMAGE_UNSUPPORTED",
    `expected a picture of a kind that docs/pictures.md lists; got ${what}`,
  );
}
