import type { Request, Response } from "express";
import multer, { MulterError } from "multer";
import { RequestError } from "../errors.js";

/** The one file of a request. Its name is the client's word and is used for nothing but its end. */
export interface Upload {
  name: string;
  mediaType: string;
  bytes: Buffer;
}

export interface UploadLimits {
  /** Of one upload. */
  maxBytes: number;
  /** Of all uploads in memory at one time. */
  maxBytesInFlight: number;
}

/** What multipart syntax may add to a file. */
const envelopeBytes = 65_536;
const fieldName = "image";

/** Reads the multipart field `image` (RFC 7578) into memory, never onto a disk. */
export class UploadReader {
  readonly #limits: UploadLimits;
  readonly #parse: ReturnType<ReturnType<typeof multer>["any"]>;
  #bytesInFlight = 0;

  constructor(limits: UploadLimits) {
    this.#limits = limits;
    this.#parse = multer({
      storage: multer.memoryStorage(),
      limits: {
        fileSize: limits.maxBytes,
        files: 16,
        fields: 16,
        fieldSize: 4096,
        parts: 32,
        headerPairs: 32,
      },
      fileFilter: (_request, file, accept) => {
        // Other files are let pass by unread.
        accept(null, file.fieldname === fieldName);
      },
    }).any();
  }

  /**
   * @throws RequestError IMAGE_MISSING, UPLOAD_MALFORMED, UPLOAD_TOO_LARGE, OVERLOADED
   */
  async read(request: Request, response: Response): Promise<Upload> {
    if (request.is("multipart/form-data") === false) throw imageMissing();
    this.#reserve(request, response);
    await this.#receive(request, response);
    const files = Array.isArray(request.files) ? request.files : [];
    const [file, second] = files;
    if (file === undefined) throw imageMissing();
    if (second !== undefined) {
      throw new RequestError("UPLOAD_MALFORMED", "expected one file field `image`; got more");
    }
    return { name: file.originalname, mediaType: file.mimetype, bytes: file.buffer };
  }

  /** Memory is promised before a byte is read, and free again when the answer is out. */
  #reserve(request: Request, response: Response): void {
    const { maxBytes, maxBytesInFlight } = this.#limits;
    const declared = Number(request.headers["content-length"] ?? maxBytes);
    if (declared > maxBytes + envelopeBytes) throw tooLarge(maxBytes);
    if (this.#bytesInFlight + declared > maxBytesInFlight && this.#bytesInFlight > 0) {
      throw new RequestError("OVERLOADED", "too many uploads at one time; try again soon", {
        retryAfterSeconds: 1,
      });
    }
    this.#bytesInFlight += declared;
    response.once("close", () => {
      this.#bytesInFlight -= declared;
    });
  }

  async #receive(request: Request, response: Response): Promise<void> {
    const error = await new Promise<unknown>((resolve) => {
      this.#parse(request, response, resolve);
    });
    if (error === undefined) return;
    if (error instanceof MulterError && error.code === "LIMIT_FILE_SIZE") {
      throw tooLarge(this.#limits.maxBytes);
    }
    throw new RequestError("UPLOAD_MALFORMED", "expected well-formed multipart/form-data", {
      cause: error,
    });
  }
}

function imageMissing(): RequestError {
  return new RequestError(
    "IMAGE_MISSING",
    "expected multipart/form-data with a file field `image` (curl -F image=@FILE)",
  );
}

function tooLarge(maxBytes: number): RequestError {
  return new RequestError("UPLOAD_TOO_LARGE", `expected an upload of at most ${maxBytes} bytes`);
}
