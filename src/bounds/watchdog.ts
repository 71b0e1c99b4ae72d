import { timerMs } from "./timers.js";

/** Number of consecutive timers that make up a time limit. */
const steps = 10;

/**
 * Calls back once if `stop` is not called in time. The time limit consists of consecutive timers: if the process is
 * suspended, its event loop is blocked or the clock jumps, only the current one expires early, not the whole limit.
 */
export class Watchdog {
  readonly #onExpired: (timeoutMs: number) => void;
  #timer: NodeJS.Timeout | undefined;
  /** Incremented by each start and stop, so that a pending callback of an earlier start is ignored. */
  #generation = 0;

  /** @param onExpired called with the limit in milliseconds that was exceeded */
  constructor(onExpired: (timeoutMs: number) => void) {
    this.#onExpired = onExpired;
  }

  /** Starts the time limit. A limit that is already running is replaced. */
  start(timeoutMs: number): void {
    this.stop();
    this.#count(timeoutMs, steps, this.#generation);
  }

  /** Stops the time limit. Its callback is not called any more. */
  stop(): void {
    this.#generation += 1;
    clearTimeout(this.#timer);
  }

  #count(timeoutMs: number, left: number, generation: number): void {
    this.#timer = setTimeout(
      () => {
        if (left > 1) {
          this.#count(timeoutMs, left - 1, generation);
          return;
        }
        // In an event loop iteration timers run before messages: the message whose handler calls `stop` may be queued.
        setImmediate(() => {
          if (generation === this.#generation) this.#onExpired(timeoutMs);
        });
      },
      timerMs(timeoutMs / steps),
    );
  }
}
