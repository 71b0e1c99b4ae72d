import { timerMs } from "../timers.js";

/** Parts into which a time limit is counted. */
const steps = 10;

/**
 * Calls back once where something does not end in time. The time is counted in steps, each a timer of its own: a
 * process that is stopped for a while, or whose event loop is held up, or whose clock jumps, loses one step and not
 * the whole.
 */
export class Watchdog {
  readonly #onExpired: (timeoutMs: number) => void;
  #timer: NodeJS.Timeout | undefined;
  /** Which start a pending callback belongs to. */
  #generation = 0;

  constructor(onExpired: (timeoutMs: number) => void) {
    this.#onExpired = onExpired;
  }

  /** From now on so many milliseconds, whatever was before. */
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
        // Timers come before messages in a turn of the event loop: the end may have been told already.
        setImmediate(() => {
          if (generation === this.#generation) this.#onExpired(timeoutMs);
        });
      },
      timerMs(timeoutMs / steps),
    );
  }
}
