import { fstatSync, write, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isatty } from "node:tty";
import { timerMs } from "./timers.js";

export interface LineWriterOptions {
  /** Where lines go. */
  fd: number;
  /** Lines over so many characters in the queue are lost. */
  maxQueued?: number;
}

/** How long until a descriptor that takes nothing at the moment (EAGAIN) is tried again. */
const retryMs = 50;
const lineBreak = "\n".charCodeAt(0);

/**
 * Writes lines to a descriptor and never throws, blocks or ends anything because of it: what cannot be written is lost,
 * counted, and told in a line of its own once writing works again.
 *
 * Files are written at once. A pipe whose reader has stalled, or a terminal that was stopped (Ctrl-S), would hold the
 * whole process that way, so they are written by libuv's pool, one write at a time, while lines wait in a bounded queue.
 */
export class LineWriter {
  readonly #fd: number;
  readonly #maxQueued: number;
  readonly #mayBlock: boolean;
  #queue: string[] = [];
  #queued = 0;
  #draining: Promise<void> | undefined;
  #lost = 0;
  #untold = 0;
  /** The last line that came out lacks its end. */
  #isCutOff = false;

  constructor({ fd, maxQueued = 1_048_576 }: LineWriterOptions) {
    this.#fd = fd;
    this.#maxQueued = maxQueued;
    this.#mayBlock = mayBlock(fd);
  }

  /** Lines lost so far. */
  get lostLines(): number {
    return this.#lost;
  }

  /** @param line with its line break */
  write(line: string): void {
    if (this.#queued + line.length > this.#maxQueued) {
      this.#lose(1);
      return;
    }
    this.#queue.push(line);
    this.#queued += line.length;
    this.#draining ??= this.#drain();
  }

  /** Settles once all is written or lost, or the time is up. */
  async flush(timeoutMs: number): Promise<void> {
    const ended = new AbortController();
    const timeIsUp = sleep(timerMs(timeoutMs), undefined, { signal: ended.signal }).catch(
      () => undefined,
    );
    await Promise.race([this.#draining, timeIsUp]);
    ended.abort();
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const text = this.#queue.join("");
      this.#queue = [];
      this.#queued = 0;
      const unwritten = await this.#writeLines(text);
      if (unwritten > 0) this.#lose(unwritten);
      else await this.#tellLosses();
    }
    this.#draining = undefined;
  }

  /** Before what waits, now that writing works. */
  async #tellLosses(): Promise<void> {
    const lost = this.#untold;
    if (lost === 0) return;
    const msg = `log lines lost: ${lost}`;
    const notice = `${JSON.stringify({ level: 40, time: Date.now(), lost, msg })}\n`;
    if ((await this.#writeLines(notice)) === 0) this.#untold -= lost;
  }

  /** @returns how many of the lines were not written as a whole */
  async #writeLines(text: string): Promise<number> {
    // Ends the line that was cut off before.
    const prefix = this.#isCutOff ? "\n" : "";
    const bytes = Buffer.from(prefix + text);
    let written = 0;
    try {
      while (written < bytes.length) written += await this.#writeSome(bytes.subarray(written));
      this.#isCutOff = false;
      return 0;
    } catch {
      if (written > 0) this.#isCutOff = bytes[written - 1] !== lineBreak;
      const rest = bytes.subarray(Math.max(written, prefix.length));
      return rest.filter((byte) => byte === lineBreak).length;
    }
  }

  /** @returns how many bytes were written */
  async #writeSome(bytes: Buffer): Promise<number> {
    try {
      return this.#mayBlock ? await writeInPool(this.#fd, bytes) : writeSync(this.#fd, bytes);
    } catch (error) {
      if (!isBusy(error)) throw error;
      await sleep(retryMs);
      return 0;
    }
  }

  #lose(lines: number): void {
    this.#lost += lines;
    this.#untold += lines;
  }
}

function mayBlock(fd: number): boolean {
  try {
    const kind = fstatSync(fd);
    return isatty(fd) || !(kind.isFile() || kind.isCharacterDevice());
  } catch {
    return true;
  }
}

async function writeInPool(fd: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, (error, written) => {
      if (error === null) resolve(written);
      else reject(error);
    });
  });
}

function isBusy(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === "EAGAIN";
}
