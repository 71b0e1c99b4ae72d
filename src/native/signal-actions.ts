import { constants } from "node:os";
import { loadKoffi } from "./koffi.js";

/** From Linux' signal.h; the C libraries keep those below for themselves. */
const realTimeSignals = Array.from({ length: 31 }, (_, at) => 34 + at);
const ignore = 1n;
/** From Linux' signal-defs.h. */
const setMask = 2;
/** More than any C library's `struct sigaction` (152 bytes) and `sigset_t` (128) take. */
const structBytes = 256;

/**
 * Has the kernel drop the real-time signals, which would end the process: Node gives JavaScript no way to handle them.
 * Where that cannot be done they stay as they are.
 */
export async function ignoreRealTimeSignals(): Promise<void> {
  try {
    const koffi = await loadKoffi();
    const signal = koffi.load(null).func("intptr_t signal(int number, intptr_t handler)");
    for (const number of realTimeSignals) signal(number, ignore);
  } catch {
    // As in a system without koffi's binary.
  }
}

/** What the process does at the signals that could end it, and which of them the main thread holds back. */
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
   * Notes them. Called in the main thread.
   *
   * @param names besides the real-time signals
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
   * Puts them back. Called in the main thread, whose mask it is.
   *
   * @param names of these alone; absent: of all that were noted
   */
  restore(names?: readonly NodeJS.Signals[]): void {
    const numbers = names?.map((name): number => constants.signals[name]);
    for (const [number, action] of this.#actions) {
      if (numbers?.includes(number) ?? true) this.#sigaction(number, action, null);
    }
    this.#setMask(setMask, this.#mask, null);
  }
}
