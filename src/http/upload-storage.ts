import type { Request } from "express";
import type { StorageEngine } from "multer";
import { BlockBuffer } from "./block-buffer.js";

export interface UploadStorageOptions {
  /** Largest size of the file. */
  maxBytes: number;
  /** Called before memory is allocated, with its size; an error that it throws ends the upload. */
  onGrow: (bytes: number) => void;
  /** Called when the file has more than `maxBytes`. */
  onTooLarge: () => void;
  /** Called with the error that `onGrow` threw. */
  onError: (error: unknown) => void;
}

type Stored = Partial<Express.Multer.File>;

/** multer's storage engine for one file of one request: in memory, counted and limited while the file arrives. */
export class UploadStorage implements StorageEngine {
  readonly #options: UploadStorageOptions;
  readonly #bytes: BlockBuffer;
  #isClosed = false;

  constructor(options: UploadStorageOptions) {
    this.#options = options;
    this.#bytes = new BlockBuffer(options.onGrow);
  }

  _handleFile(
    _request: Request,
    { stream }: Express.Multer.File,
    done: (error?: unknown, info?: Stored) => void,
  ): void {
    stream.on("data", (chunk: Buffer) => {
      this.append(chunk);
    });
    stream.once("end", () => {
      if (!this.#isClosed) done(undefined, {});
    });
  }

  _removeFile(
    _request: Request,
    _file: Express.Multer.File,
    done: (error: Error | null) => void,
  ): void {
    this.close();
    done(null);
  }

  /** Removes the file from here. @returns its bytes; multer does not get them, because it would keep them in the request */
  take(): Buffer {
    return this.#bytes.take();
  }

  /** Drops the stored bytes, and all bytes that arrive later. */
  close(): void {
    this.#isClosed = true;
    this.#bytes.clear();
  }

  /** Stores more bytes; after `close` it does nothing. */
  append(chunk: Buffer): void {
    if (this.#isClosed) return;
    const { maxBytes, onTooLarge, onError } = this.#options;
    try {
      if (this.#bytes.length + chunk.length > maxBytes) onTooLarge();
      else this.#bytes.append(chunk);
    } catch (error) {
      onError(error);
    }
  }
}
