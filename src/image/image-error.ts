import { ConfmlError } from "../errors.js";

/**
 * Why a picture was not decoded:
 * - IMAGE_UNSUPPORTED: it is malformed, or of a kind that is not decoded (docs/pictures.md)
 * - IMAGE_TOO_LARGE: its header is beyond a limit (limits.ts)
 * - DECODE_TIMEOUT: libvips worked on it for too long
 * - OUT_OF_MEMORY: an allocation failed; the same picture may be decoded later
 * - DECODE_QUEUE_FULL: too many pictures are waiting
 */
export type ImageErrorCode =
  | "IMAGE_UNSUPPORTED"
  | "IMAGE_TOO_LARGE"
  | "DECODE_TIMEOUT"
  | "OUT_OF_MEMORY"
  | "DECODE_QUEUE_FULL";

/** A picture was not decoded. The client gets the error's message. */
export class ImageError extends ConfmlError<ImageErrorCode> {}
