import type { Request } from "express";
import type { StorageEngine } from "multer";
import { BlockBuffer } from "./block-buffer.js";

export interface UploadStorageOptions {
  /** Of the file. */
  maxBytes: number;
  /** Called before so much memory is allocated; what it throws ends the upload. */
  onGrow: (bytes: number) => void;
  /** The file has more than `maxBytes`. */
  onTooLarge: () => void;
  onError: (error: unknown) => void;
}

type Stored = Partial<Express.Multer.File>;

/** multer's storage of the one file of one request: in memory, counted and bounded while it arrives. */
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
      this.#append(chunk);
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

  /** @returns the file; multer never gets it, since it would hold it as long as the request. */
  take(): Buffer {
    return this.#bytes.take();
  }

  /** Nothing more is stored, and what is stored is given up. */
  close(): void {
    this.#isClosed = true;
    this.#bytes.clear();
  }

  #append(chunk: Buffer): void {
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
