import { createHash, timingSafeEqual, type Hash } from "node:crypto";
import { RefusedError } from "../errors.js";
import { modelFormatOf, type ModelDecipher, type ModelFormat, type ModelKey } from "./format.js";
import { isOutOfMemory, modelOutOfMemory } from "./out-of-memory.js";
import { download, type DownloadOptions, type DownloadSink } from "./resumable-download.js";

/** The download's options, and what verifying and decrypting need. */
export interface DownloadAndDecryptOptions extends DownloadOptions {
  /** SHA-256 of the encrypted file, in hex. */
  sha256: string;
  /** The key. Its class decides the file's format. */
  key: ModelKey;
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
  const format = modelFormatOf(key);
  const sink = new DecryptingSink(format, onAllocate);
  try {
    await download(sink, options);
    const digest = sink.digest();
    // Checked before the padding or the tag, so that an altered file is not reported as a wrong key.
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
    if (error instanceof DecryptionError) {
      throw new RefusedError("MODEL_KEY_WRONG", {
        doing: `decrypting ${url}`,
        expected: `${format.name} under the model's key`,
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

/** The padding (PKCS #7) of the decrypted file is wrong, or the JWE or its tag: the key is wrong. */
class DecryptionError extends Error {}

/** Hashes and decrypts a download into one buffer. */
class DecryptingSink implements DownloadSink {
  readonly #format: ModelFormat;
  readonly #onAllocate: DownloadAndDecryptOptions["onAllocate"];
  #hash: Hash;
  #decipher: ModelDecipher;
  #plaintext = Buffer.alloc(0);
  #length = 0;
  receivedBytes = 0;

  constructor(format: ModelFormat, onAllocate: DownloadAndDecryptOptions["onAllocate"]) {
    this.#format = format;
    this.#onAllocate = onAllocate;
    this.#hash = createHash("sha256");
    this.#decipher = format.createDecipher();
  }

  start(totalBytes: number | undefined): void {
    this.wipe();
    this.#hash = createHash("sha256");
    this.#decipher = this.#format.createDecipher();
    const plaintextBytes =
      totalBytes === undefined ? 1 << 24 : this.#format.maxPlaintextBytes(totalBytes);
    this.#plaintext = Buffer.allocUnsafeSlow(plaintextBytes);
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
   * @throws DecryptionError if the padding, or the token or its tag, is wrong
   */
  finish(): Uint8Array {
    let last: Buffer;
    try {
      last = this.#decipher.final();
    } catch (cause) {
      throw new DecryptionError("the model does not decrypt", { cause });
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
