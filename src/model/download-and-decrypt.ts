import { createHash, timingSafeEqual, type Decipher, type Hash, type KeyObject } from "node:crypto";
import { createModelDecipher } from "../crypto/openssl-cbc.js";
import { RefusedError } from "../errors.js";
import { isOutOfMemory, modelOutOfMemory } from "./out-of-memory.js";
import { download, type DownloadOptions, type DownloadSink } from "./resumable-download.js";

/** The download's options, and what verifying and decrypting need. */
export interface DownloadAndDecryptOptions extends DownloadOptions {
  /** SHA-256 of the encrypted file, in hex. */
  sha256: string;
  /** An AES-256 key. */
  key: KeyObject;
  /** Called with the memory for the plaintext before it is filled. It is called again if the download starts again. */
  onAllocate: (memory: Uint8Array) => void;
}

/**
 * Downloads, verifies and decrypts the model in one pass. The plaintext exists only in this process's memory, and is
 * returned only if the SHA-256 matches.
 *
 * @returns the decrypted model, at the start of a buffer of its own
 * @throws BootError MODEL_UNREACHABLE, MODEL_TOO_LARGE, MODEL_ALTERED, MODEL_KEY_WRONG, MODEL_OUT_OF_MEMORY
 */
export async function downloadAndDecrypt(options: DownloadAndDecryptOptions): Promise<Uint8Array> {
  const { url, sha256, key, onAllocate } = options;
  const sink = new DecryptingSink(key, onAllocate);
  try {
    await download(sink, options);
    const digest = sink.digest();
    // Checked before the last block is decrypted, so that an altered file is not reported as a wrong key.
    if (!timingSafeEqual(digest, Buffer.from(sha256, "hex"))) {
      throw new RefusedError("MODEL_ALTERED", {
        doing: `checking ${url}`,
        expected: `SHA-256 ${sha256.toLowerCase()} (Inference.Model.Sha256)`,
        got: `${digest.toString("hex")} of ${sink.receivedBytes} bytes`,
        fix: "Restore the file that the model owner encrypted, or have the configuration corrected",
      });
    }
    return sink.finish();
  } catch (error) {
    sink.wipe();
    if (error instanceof PaddingError) {
      throw new RefusedError("MODEL_KEY_WRONG", {
        doing: `decrypting ${url}`,
        expected: "AES-256-CBC under the model's key",
        got: "a file that this key does not open",
        fix: "Check that Inference.Model.Key names the key that this file was encrypted with",
      });
    }
    if (isOutOfMemory(error)) {
      throw modelOutOfMemory(`downloading and decrypting ${url}`, "memory for the model", error);
    }
    throw error;
  }
}

/** The decrypted file does not end in valid padding (PKCS #7): the key is wrong. */
class PaddingError extends Error {}

/** Hashes and decrypts a download into one buffer. */
class DecryptingSink implements DownloadSink {
  readonly #key: KeyObject;
  readonly #onAllocate: DownloadAndDecryptOptions["onAllocate"];
  #hash: Hash;
  #decipher: Decipher;
  #plaintext = Buffer.alloc(0);
  #length = 0;
  receivedBytes = 0;

  constructor(key: KeyObject, onAllocate: DownloadAndDecryptOptions["onAllocate"]) {
    this.#key = key;
    this.#onAllocate = onAllocate;
    this.#hash = createHash("sha256");
    this.#decipher = createModelDecipher(key);
  }

  start(totalBytes: number | undefined): void {
    this.wipe();
    this.#hash = createHash("sha256");
    this.#decipher = createModelDecipher(this.#key);
    // The plaintext is shorter than the file by its padding, so this is enough if the size is known.
    this.#plaintext = Buffer.allocUnsafeSlow(totalBytes ?? 1 << 24);
    this.#onAllocate(this.#plaintext);
    this.receivedBytes = 0;
  }

  write(chunk: Uint8Array): void {
    this.receivedBytes += chunk.length;
    this.#hash.update(chunk);
    this.#append(this.#decipher.update(chunk));
  }

  /** @returns SHA-256 of all received bytes */
  digest(): Buffer {
    return this.#hash.digest();
  }

  /**
   * @returns the plaintext
   * @throws PaddingError if the padding is wrong
   */
  finish(): Uint8Array {
    let last: Buffer;
    try {
      last = this.#decipher.final();
    } catch (cause) {
      throw new PaddingError("bad padding", { cause });
    }
    this.#append(last);
    return this.#plaintext.subarray(0, this.#length);
  }

  wipe(): void {
    this.#plaintext.fill(0);
    this.#length = 0;
  }

  #append(plaintext: Buffer): void {
    const needed = this.#length + plaintext.length;
    if (needed > this.#plaintext.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#plaintext.length * 2));
      this.#plaintext.copy(larger, 0, 0, this.#length);
      this.#plaintext.fill(0);
      this.#plaintext = larger;
    }
    this.#length += plaintext.copy(this.#plaintext, this.#length);
    plaintext.fill(0);
  }
}
