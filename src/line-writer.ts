import { fstatSync, write, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isatty } from "node:tty";
import { timerMs } from "./bounds/timers.js";

export interface LineWriterOptions {
  /** The file descriptor that lines are written to. */
  fd: number;
  /** Most UTF-16 code units in the queue; a line that exceeds it is lost. Default: 1 Mi. */
  maxQueued?: number;
}

/** Delay before a descriptor that cannot be written to at the moment (EAGAIN) is tried again. */
const retryMs = 50;
const lineBreak = "\n".charCodeAt(0);

/**
 * Writes lines to a descriptor. It never throws and never blocks the event loop on a stalled reader: lines that cannot
 * be written are lost and counted, and a line of their own reports them once writing works again.
 *
 * Files are written synchronously. A synchronous write to a pipe whose reader has stalled, or to a terminal that was
 * stopped (Ctrl-S), would block the whole process, so these are written by libuv's pool, one write at a time, while
 * further lines wait in a bounded queue.
 */
export class LineWriter {
  readonly #fd: number;
  readonly #maxQueued: number;
  readonly #mayBlock: boolean;
  #queue: string[] = [];
  #queued = 0;
  #draining: Promise<void> | undefined;
  #lost = 0;
  /** Lost lines that no line has reported yet. */
  #unreported = 0;
  /** Whether the last write ended in the middle of a line. */
  #isCutOff = false;

  constructor({ fd, maxQueued = 1_048_576 }: LineWriterOptions) {
    this.#fd = fd;
    this.#maxQueued = maxQueued;
    this.#mayBlock = mayBlock(fd);
  }

  /** Number of lines lost so far. */
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

  /** Resolves when every queued line is written or lost, or after `timeoutMs`. */
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
      else await this.#reportLosses();
    }
    this.#draining = undefined;
  }

  /** Writes a line about lost lines. Called after a write that succeeded, before the lines that wait. */
  async #reportLosses(): Promise<void> {
    const lost = this.#unreported;
    if (lost === 0) return;
    const msg = `log lines lost: ${lost}`;
    const notice = `${JSON.stringify({ level: 40, time: Date.now(), lost, msg })}\n`;
    if ((await this.#writeLines(notice)) === 0) this.#unreported -= lost;
  }

  /** @returns the number of lines that were not written completely */
  async #writeLines(text: string): Promise<number> {
    // Ends the line that was cut off by an earlier failure.
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

  /** @returns the number of bytes written; 0 if the descriptor is busy */
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
    this.#unreported += lines;
  }
}

/** Whether a write to the descriptor may block: for anything but files and character devices such as /dev/null. */
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
