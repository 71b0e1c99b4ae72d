import { readFileSync } from "node:fs";
import { loadKoffi } from "./koffi.js";
import { SignalActions } from "./signal-actions.js";

/** From Linux' locale.h and resource.h; RLIMIT_CPU is 0, RLIMIT_RTTIME the last. */
const allCategories = 6;
const resourceLimits = Array.from({ length: 16 }, (_, resource) => resource);
const limitBytes = 16;

/** What belongs to the whole process, and so is every library's to change. */
export class ProcessState {
  readonly #signals: SignalActions;
  /** Each puts one thing back, or throws. */
  readonly #restorations: readonly (() => void)[];

  private constructor(signals: SignalActions, restorations: readonly (() => void)[]) {
    this.#signals = signals;
    this.#restorations = restorations;
  }

  /**
   * Notes the state as it is. Called in the main thread.
   *
   * @param signals whose handlers belong to it, besides the real-time signals
   */
  static async capture(signals: readonly NodeJS.Signals[]): Promise<ProcessState> {
    const actions = await SignalActions.capture(signals);
    const restorations = [
      restoreFolder(),
      restoreFileModes(),
      restoreVariables(),
      await restoreLocale(),
      await restoreLimits(),
    ];
    return new ProcessState(actions, restorations);
  }

  /** Signals' handlers, of these alone or of all, and the main thread's mask. */
  restoreSignals(signals?: readonly NodeJS.Signals[]): void {
    this.#signals.restore(signals);
  }

  /** Signals, the working folder, the mask of file modes, variables, the locale, limits that may still be raised. */
  restore(): void {
    this.restoreSignals();
    for (const restore of this.#restorations) {
      try {
        restore();
      } catch {
        // The next one may work.
      }
    }
  }
}

function restoreFolder(): () => void {
  const folder = process.cwd();
  return () => {
    process.chdir(folder);
  };
}

/** Where the kernel does not say what the mask is, new files become this user's alone. */
function restoreFileModes(): () => void {
  const mask = readFileModeMask() ?? 0o077;
  return () => {
    process.umask(mask);
  };
}

/** From /proc/self/status: asking umask(2) changes the mask. */
function readFileModeMask(): number | undefined {
  try {
    const [, octal] =
      /^Umask:\s+([0-7]{4})$/mu.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return octal === undefined ? undefined : Number.parseInt(octal, 8);
  } catch {
    return undefined;
  }
}

function restoreVariables(): () => void {
  const variables = { ...process.env };
  return () => {
    for (const name of Object.keys(process.env)) {
      if (!(name in variables)) Reflect.deleteProperty(process.env, name);
    }
    Object.assign(process.env, variables);
  };
}

async function restoreLocale(): Promise<() => void> {
  const koffi = await loadKoffi();
  const setLocale = koffi
    .load(null)
    .func("const char *setlocale(int category, const char *locale)") as (
    category: number,
    locale: string | null,
  ) => string | null;
  const locale = setLocale(allCategories, null);
  return () => {
    setLocale(allCategories, locale);
  };
}

async function restoreLimits(): Promise<() => void> {
  const koffi = await loadKoffi();
  const libc = koffi.load(null);
  const get = libc.func("int getrlimit(int resource, void *limit)");
  const set = libc.func("int setrlimit(int resource, void *limit)");
  const limits = resourceLimits.map((resource) => {
    const limit = Buffer.alloc(limitBytes);
    return { resource, limit, isKnown: get(resource, limit) === 0 };
  });
  return () => {
    for (const { resource, limit, isKnown } of limits) if (isKnown) set(resource, limit);
  };
}
