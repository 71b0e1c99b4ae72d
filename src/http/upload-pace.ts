import type { IncomingMessage } from "node:http";
import { RequestError } from "./request-error.js";
import { timerMs } from "../bounds/timers.js";
import type { ArrivalRate } from "../bounds/arrival-rate.js";

export interface PaceOptions {
  /** Ends the upload. */
  signal: AbortSignal;
  /** An upload with a lower rate than this over `graceMs` is too slow. */
  minBytesPerSecond: number;
  graceMs: number;
  /** Measures the rate with a window of `graceMs`. */
  sustained: ArrivalRate;
  /** Called with the number of bytes of each chunk. */
  onData: (bytes: number) => void;
  /** Called with RequestError UPLOAD_TOO_SLOW, or with the signal's reason if that is not a timeout. */
  onFailure: (error: unknown) => void;
}

/** Number of checks of the rate per `graceMs`. */
const checksPerGrace = 5;

/**
 * Checks at intervals how fast a request's body arrives.
 *
 * @returns a function that stops the checks
 */
export function watchPace(request: IncomingMessage, options: PaceOptions): () => void {
  const { signal, minBytesPerSecond, graceMs, sustained, onData, onFailure } = options;
  const onChunk = (chunk: Buffer): void => {
    sustained.add(chunk.length);
    onData(chunk.length);
  };
  const checkRate = (): void => {
    if (sustained.ageMs < graceMs || sustained.bytesPerSecond() >= minBytesPerSecond) return;
    onFailure(tooSlow(`at least ${minBytesPerSecond} bytes a second over ${graceMs} ms`));
  };
  const onAbort = (): void => {
    const reason: unknown = signal.reason;
    const isTimeout = reason instanceof DOMException && reason.name === "TimeoutError";
    onFailure(isTimeout ? tooSlow("the whole upload within the time for an answer") : reason);
  };
  // setImmediate: bytes that arrived while the event loop was blocked are counted before the check.
  const timer = setInterval(() => setImmediate(checkRate), timerMs(graceMs / checksPerGrace));
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
