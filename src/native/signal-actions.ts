import { constants } from "node:os";
import { loadKoffi } from "./koffi.js";

/** Numbers 34 to 64 (Linux's signal(7)). The C libraries use 32 and 33 internally. */
const realTimeSignals = Array.from({ length: 31 }, (_, at) => 34 + at);
const ignore = 1n;
/** SIG_SETMASK of Linux's signal-defs.h. */
const setMask = 2;
/** Size of a buffer for a C library's `struct sigaction` (152 bytes) or `sigset_t` (128 bytes). */
const structBytes = 256;

/**
 * Makes the kernel ignore the real-time signals. Their default action ends the process, and Node cannot handle them.
 * Without koffi's binary it has no effect.
 */
export async function ignoreRealTimeSignals(): Promise<void> {
  try {
    const koffi = await loadKoffi();
    const signal = koffi.load(null).func("intptr_t signal(int number, intptr_t handler)");
    for (const number of realTimeSignals) signal(number, ignore);
  } catch {
    // The signals keep their default action.
  }
}

/** A copy of the actions of signals that can end the process (sigaction(2)), and of the main thread's signal mask. */
export class SignalActions {
  readonly #actions = new Map<number, Buffer>();
  readonly #mask = Buffer.alloc(structBytes);
  readonly #sigaction: (number: number, action: Buffer | null, old: Buffer | null) => number;
  readonly #setMask: (how: number, mask: Buffer | null, old: Buffer | null) => number;

  private constructor(libc: { func: (declaration: string) => (...of: unknown[]) => number }) {
    this.#sigaction = libc.func("int sigaction(int number, void *action, void *old)");
    this.#setMask = libc.func("int pthread_sigmask(int how, void *mask, void *old)");
  }

  /**
   * Copies the present actions and mask. It must be called in the main thread.
   *
   * @param names of the signals, besides the real-time signals
   * @throws Error if koffi or a function of the C library is not available
   */
  static async capture(names: readonly NodeJS.Signals[]): Promise<SignalActions> {
    const koffi = await loadKoffi();
    const actions = new SignalActions(koffi.load(null));
    for (const number of [...names.map((name) => constants.signals[name]), ...realTimeSignals]) {
      const action = Buffer.alloc(structBytes);
      if (actions.#sigaction(number, null, action) === 0) actions.#actions.set(number, action);
    }
    actions.#setMask(setMask, null, actions.#mask);
    return actions;
  }

  /**
   * Restores actions and mask. It must be called in the main thread.
   *
   * @param names the signals whose actions are restored; absent: all that were copied
   */
  restore(names?: readonly NodeJS.Signals[]): void {
    const numbers = names?.map((name): number => constants.signals[name]);
    for (const [number, action] of this.#actions) {
      if (numbers?.includes(number) ?? true) this.#sigaction(number, action, null);
    }
    this.#setMask(setMask, this.#mask, null);
  }
}
