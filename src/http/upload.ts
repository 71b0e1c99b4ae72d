import type { Request, Response } from "express";
import multer from "multer";
import { RequestError } from "./request-error.js";
import { ArrivalRate } from "../bounds/arrival-rate.js";
import { clientAddress } from "./client-address.js";
import { clientNetwork } from "./client-network.js";
import { watchPace } from "./upload-pace.js";
import { Body, storeBody } from "./request-body.js";
import { UploadMemory, type MemoryClaim, type UploadMemoryLimits } from "./upload-memory.js";
import { UploadStorage } from "./upload-storage.js";

/** The file of a request's field `image`. */
export interface Upload {
  /** File name as the client sent it. Only its suffix is used, to recognise the format. */
  name: string;
  mediaType: string;
  /** Empty after `release`. */
  bytes: Buffer;
  /** Drops the bytes, which count against the limits until then. A second call does nothing. */
  release: () => void;
}

export interface UploadLimits extends UploadMemoryLimits {
  /** Largest size of one upload. */
  maxBytes: number;
  /** An upload with a lower rate than this over `graceMs` is refused. */
  minBytesPerSecond: number;
  graceMs: number;
}

export interface UploadReaderOptions extends UploadLimits {
  /** A monotonic clock in milliseconds, replaced by tests. */
  now?: () => number;
}

interface ReceiveLimits {
  signal: AbortSignal;
  /** Most bytes that are stored. */
  maxBytes: number;
  /** Most bytes that may arrive in addition, for multipart syntax and other fields. */
  envelopeBytes: number;
}

/** Most bytes that multipart syntax and other fields may add to the file. */
const envelopeBytes = 65_536;
const fieldName = "image";
/** The window for the arrival rates by which slower uploads are refused at a memory limit. */
const comparisonWindowMs = 1000;

/** Reads the multipart field `image` (RFC 7578), or a whole body, into memory; nothing is written to a disk. */
export class UploadReader {
  readonly #limits: UploadLimits;
  readonly #now: () => number;
  readonly #memory: UploadMemory;

  constructor({ now = () => performance.now(), ...limits }: UploadReaderOptions) {
    this.#limits = limits;
    this.#now = now;
    this.#memory = new UploadMemory(limits);
  }

  /** Bytes of all uploads that have arrived and are not released yet. */
  get heldBytes(): number {
    return this.#memory.heldBytes;
  }

  /**
   * Reads a request's upload. It settles as soon as the outcome is known; the rest of a refused upload is read and dropped.
   *
   * @param signal stops reading when it aborts; its timeout becomes UPLOAD_TOO_SLOW
   * @throws RequestError IMAGE_MISSING, UPLOAD_MALFORMED, UPLOAD_TOO_LARGE, UPLOAD_TOO_SLOW, OVERLOADED; the
   *   signal's reason if that is not a timeout
   */
  async read(request: Request, response: Response, signal: AbortSignal): Promise<Upload> {
    if (request.is("multipart/form-data") === false) throw imageMissing();
    const { maxBytes } = this.#limits;
    const limits = { signal, maxBytes, envelopeBytes };
    const { received, bytes, claim } = await this.#receive(request, limits, (storage, fail) =>
      this.#parse(request, response, storage, fail),
    );
    const upload: Upload = {
      name: received.originalname,
      mediaType: received.mimetype,
      bytes,
      release: () => {
        upload.bytes = Buffer.alloc(0);
        claim.release();
      },
    };
    return upload;
  }

  /**
   * Reads a request's whole body, under the same limits as the file of an upload.
   *
   * @param maxBytes a lower limit than that of an upload
   * @throws RequestError as `read`, without IMAGE_MISSING; UPLOAD_MALFORMED for a compressed body
   */
  async readBody(request: Request, signal: AbortSignal, maxBytes = Infinity): Promise<Body> {
    if ((request.headers["content-encoding"] ?? "identity") !== "identity") {
      throw malformed("a body without Content-Encoding");
    }
    const limits = {
      signal,
      maxBytes: Math.min(maxBytes, this.#limits.maxBytes),
      envelopeBytes: 0,
    };
    const { bytes, claim } = await this.#receive(request, limits, (storage) =>
      storeBody(request, storage),
    );
    return new Body(bytes, claim);
  }

  async #receive<Received>(
    request: Request,
    { signal, maxBytes, envelopeBytes: envelope }: ReceiveLimits,
    start: (storage: UploadStorage, fail: (error: unknown) => void) => Promise<Received>,
  ): Promise<{ received: Received; bytes: Buffer; claim: MemoryClaim }> {
    const { minBytesPerSecond, graceMs } = this.#limits;
    if (Number(request.headers["content-length"] ?? 0) > maxBytes + envelope) {
      throw tooLarge(maxBytes);
    }
    signal.throwIfAborted();
    let fail: (error: unknown) => void = () => undefined;
    const failed = new Promise<never>((_resolve, reject) => {
      fail = reject;
    });
    const recently = this.#rate(comparisonWindowMs);
    let isWhole = false;
    let arrived = 0;
    const claim = this.#memory.open({
      address: clientNetwork(clientAddress(request)),
      bytesPerSecond: () => (isWhole ? undefined : recently.bytesPerSecond()),
      onRefused: fail,
    });
    const storage = new UploadStorage({
      maxBytes,
      onGrow: (bytes) => {
        claim.grow(bytes);
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
        arrived += bytes;
        recently.add(bytes);
        if (arrived > maxBytes + envelope) fail(tooLarge(maxBytes));
      },
      onFailure: fail,
    });
    try {
      const received = await Promise.race([start(storage, fail), failed]);
      isWhole = true;
      const bytes = storage.take();
      claim.shrinkTo(bytes.length);
      return { received, bytes, claim };
    } catch (error) {
      storage.close();
      claim.release();
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
        // multer would report an error given to `accept` only at the request's end.
        if (images > 1) fail(malformed("one file field `image`; got more"));
        // multer skips files that are not accepted.
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
