import type { IncomingMessage } from "node:http";
import { RequestError } from "../errors.js";
import { timerMs } from "../timers.js";
import type { ArrivalRate } from "./arrival-rate.js";

export interface PaceOptions {
  /** Ends the upload. */
  signal: AbortSignal;
  /** An upload that has brought less over `graceMs` is too slow. */
  minBytesPerSecond: number;
  graceMs: number;
  /** With a window of `graceMs`. */
  sustained: ArrivalRate;
  /** So many bytes have arrived. */
  onData: (bytes: number) => void;
  /** With RequestError UPLOAD_TOO_SLOW, or the signal's reason where that is no timeout. */
  onFailure: (error: unknown) => void;
}

/** How many times in `graceMs` an upload is looked at. */
const looksPerGrace = 5;

/**
 * Watches how fast a request's body arrives, from now on.
 *
 * @returns ends the watching
 */
export function watchPace(request: IncomingMessage, options: PaceOptions): () => void {
  const { signal, minBytesPerSecond, graceMs, sustained, onData, onFailure } = options;
  const onChunk = (chunk: Buffer): void => {
    sustained.add(chunk.length);
    onData(chunk.length);
  };
  const look = (): void => {
    if (sustained.ageMs < graceMs || sustained.bytesPerSecond() >= minBytesPerSecond) return;
    onFailure(tooSlow(`at least ${minBytesPerSecond} bytes a second over ${graceMs} ms`));
  };
  const onAbort = (): void => {
    const reason: unknown = signal.reason;
    const isTimeout = reason instanceof DOMException && reason.name === "TimeoutError";
    onFailure(isTimeout ? tooSlow("the whole upload within the time for an answer") : reason);
  };
  // What has arrived while the event loop was busy is read before the look, not after it.
  const timer = setInterval(() => setImmediate(look), timerMs(graceMs / looksPerGrace));
  request.on("data", onChunk);
  signal.addEventListener("abort", onAbort, { once: true });
  return () => {
    clearInterval(timer);
    request.off("data", onChunk);
    signal.removeEventListener("abort", onAbort);
  };
}

function tooSlow(expected: string): RequestError {
  return new RequestError("UPLOAD_TOO_SLOW", `expected ${expected}`);
}
