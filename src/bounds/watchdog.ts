import { timerMs } from "./timers.js";

/** Number of timers that make up a time limit. */
const steps = 10;

/**
 * Calls back once if `stop` is not called in time. The time limit consists of several timers, one after the other: if the
 * process is suspended, its event loop is blocked or the clock jumps, only one of them expires early.
 */
export class Watchdog {
  readonly #onExpired: (timeoutMs: number) => void;
  #timer: NodeJS.Timeout | undefined;
  /** Incremented by each start and stop, so that a pending callback of an earlier start is ignored. */
  #generation = 0;

  constructor(onExpired: (timeoutMs: number) => void) {
    this.#onExpired = onExpired;
  }

  /** Starts the time limit, or starts it again. */
  start(timeoutMs: number): void {
    this.stop();
    this.#count(timeoutMs, steps, this.#generation);
  }

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
        // Timers run before messages in an event loop iteration: the message that calls `stop` may be queued.
        setImmediate(() => {
          if (generation === this.#generation) this.#onExpired(timeoutMs);
        });
      },
      timerMs(timeoutMs / steps),
    );
  }
}
