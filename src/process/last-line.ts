import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { CanWrite } from "../native/poll.js";

/** PIPE_BUF of Linux: a pipe that poll(2) reports as writable has room for so much (pipe(7)). */
const pieceBytes = 4096;
/** Time between two looks at a descriptor whose reader has stalled. */
const retryMs = 10;

/**
 * Writes the line with which a process ends, without libuv's pool, all of whose threads may be busy or hang. It does not
 * wait for a stalled reader longer than `timeoutMs`; the rest of the line is lost then, as after any other failure.
 */
export async function writeLastLine(
  fd: number,
  line: string,
  canWrite: CanWrite,
  timeoutMs: number,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  let rest = Buffer.from(line);
  while (rest.length > 0 && performance.now() < end) {
    try {
      if (canWrite(fd))
        rest = rest.subarray(writeSync(fd, rest, 0, Math.min(rest.length, pieceBytes)));
      else await sleep(retryMs);
    } catch (error) {
      if (!isBusy(error)) return;
      await sleep(retryMs);
    }
  }
}

function isBusy(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === "EAGAIN";
}
