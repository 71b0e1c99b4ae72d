import type { Request, Response } from "express";
import multer from "multer";
import { RequestError } from "../errors.js";
import { ArrivalRate } from "./arrival-rate.js";
import { clientNetwork } from "./client-network.js";
import { watchPace } from "./upload-pace.js";
import { UploadMemory, type UploadMemoryLimits } from "./upload-memory.js";
import { UploadStorage } from "./upload-storage.js";

/** The one file of a request. Its name is the client's word and is used for nothing but its end. */
export interface Upload {
  name: string;
  mediaType: string;
  /** Empty once they are released. */
  bytes: Buffer;
  /** To be called once nothing needs the bytes any more; until then they count. A second call does nothing. */
  release: () => void;
}

export interface UploadLimits extends UploadMemoryLimits {
  /** Of one upload. */
  maxBytes: number;
  /** An upload that brings less over `graceMs` is refused. */
  minBytesPerSecond: number;
  graceMs: number;
}

export interface UploadReaderOptions extends UploadLimits {
  now?: () => number;
}

/** What multipart syntax may add to a file. */
const envelopeBytes = 65_536;
const fieldName = "image";
/** What counts as lately, where the slower of two uploads has to give way. */
const lateWindowMs = 1000;

/** Reads the multipart field `image` (RFC 7578) into memory, never onto a disk. */
export class UploadReader {
  readonly #limits: UploadLimits;
  readonly #now: () => number;
  readonly #memory: UploadMemory;

  constructor({ now = () => performance.now(), ...limits }: UploadReaderOptions) {
    this.#limits = limits;
    this.#now = now;
    this.#memory = new UploadMemory(limits);
  }

  /** Memory that uploads take: what has arrived of them and is not released yet. */
  get heldBytes(): number {
    return this.#memory.heldBytes;
  }

  /**
   * Settles as soon as the outcome is known; what an upload that is refused sends after that is dropped.
   *
   * @param signal ends the reading
   * @throws RequestError IMAGE_MISSING, UPLOAD_MALFORMED, UPLOAD_TOO_LARGE, UPLOAD_TOO_SLOW, OVERLOADED; the
   *   signal's reason where that is no timeout
   */
  async read(request: Request, response: Response, signal: AbortSignal): Promise<Upload> {
    const { maxBytes, minBytesPerSecond, graceMs } = this.#limits;
    if (request.is("multipart/form-data") === false) throw imageMissing();
    if (Number(request.headers["content-length"] ?? 0) > maxBytes + envelopeBytes) {
      throw tooLarge(maxBytes);
    }
    signal.throwIfAborted();
    let fail: (error: unknown) => void = () => undefined;
    const failed = new Promise<never>((_resolve, reject) => {
      fail = reject;
    });
    const recently = this.#rate(lateWindowMs);
    let isWhole = false;
    let received = 0;
    const holding = this.#memory.open({
      address: clientNetwork(request.socket.remoteAddress),
      bytesPerSecond: () => (isWhole ? undefined : recently.bytesPerSecond()),
      onRefused: fail,
    });
    const storage = new UploadStorage({
      maxBytes,
      onGrow: (bytes) => {
        holding.grow(bytes);
      },
      onTooLarge: () => {
        fail(tooLarge(maxBytes));
      },
      onError: fail,
    });
    const stopWatching = watchPace(request, {
      signal,
      minBytesPerSecond,
      sustained: this.#rate(graceMs),
      graceMs,
      onData: (bytes) => {
        received += bytes;
        recently.add(bytes);
        if (received > maxBytes + envelopeBytes) fail(tooLarge(maxBytes));
      },
      onFailure: fail,
    });
    try {
      const parsed = this.#parse(request, response, storage, fail);
      const file = await Promise.race([parsed, failed]);
      isWhole = true;
      const bytes = storage.take();
      holding.shrinkTo(bytes.length);
      const upload: Upload = {
        name: file.originalname,
        mediaType: file.mimetype,
        bytes,
        release: () => {
          upload.bytes = Buffer.alloc(0);
          holding.release();
        },
      };
      return upload;
    } catch (error) {
      storage.close();
      holding.release();
      request.unpipe();
      request.resume();
      throw error;
    } finally {
      stopWatching();
    }
  }

  async #parse(
    request: Request,
    response: Response,
    storage: UploadStorage,
    fail: (error: unknown) => void,
  ): Promise<Express.Multer.File> {
    let images = 0;
    const parse = multer({
      storage,
      limits: { files: 16, fields: 16, fieldSize: 4096, parts: 32, headerPairs: 32 },
      fileFilter: (_request, { fieldname }, accept) => {
        const isImage = fieldname === fieldName;
        if (isImage) images += 1;
        // multer itself would report the failure only at the request's end.
        if (images > 1) fail(malformed("one file field `image`; got more"));
        // Other files are let pass by unread.
        accept(null, isImage && images === 1);
      },
    }).any();
    const error = await new Promise<unknown>((resolve) => {
      parse(request, response, resolve);
    });
    if (error !== undefined) throw malformed("well-formed multipart/form-data", error);
    const [file] = Array.isArray(request.files) ? request.files : [];
    if (file === undefined) throw imageMissing();
    return file;
  }

  #rate(windowMs: number): ArrivalRate {
    return new ArrivalRate({ windowMs, now: this.#now });
  }
}

function imageMissing(): RequestError {
  return new RequestError(
    "IMAGE_MISSING",
    "expected multipart/form-data with a file field `image` (curl -F image=@FILE)",
  );
}

function malformed(expected: string, cause?: unknown): RequestError {
  return new RequestError("UPLOAD_MALFORMED", `expected ${expected}`, { cause });
}

function tooLarge(maxBytes: number): RequestError {
  return new RequestError("UPLOAD_TOO_LARGE", `expected an upload of at most ${maxBytes} bytes`);
}
