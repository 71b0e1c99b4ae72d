import { readFileSync } from "node:fs";
import { loadKoffi } from "./koffi.js";
import { SignalActions } from "./signal-actions.js";

/** LC_ALL of glibc's and musl's locale.h; resources from RLIMIT_CPU (0) to RLIMIT_RTTIME (15) of Linux's resource.h. */
const allCategories = 6;
const resourceLimits = Array.from({ length: 16 }, (_, resource) => resource);
const limitBytes = 16;

/** State of the whole process that a native library can change, with a copy to restore it. */
export class ProcessState {
  readonly #signals: SignalActions;
  /** Functions that each restore one part of the state, or throw. */
  readonly #restorations: readonly (() => void)[];

  private constructor(signals: SignalActions, restorations: readonly (() => void)[]) {
    this.#signals = signals;
    this.#restorations = restorations;
  }

  /**
   * Copies the present state. It must be called in the main thread.
   *
   * @param signals whose handlers are copied, besides those of the real-time signals
   * @throws Error if koffi or a function of the C library is not available
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

  /** Restores signal handlers, of the given signals or of all, and the main thread's signal mask. */
  restoreSignals(signals?: readonly NodeJS.Signals[]): void {
    this.#signals.restore(signals);
  }

  /**
   * Restores signal handlers and mask, the working folder, the umask, environment variables, the locale and resource
   * limits. What fails is left as it is, such as a limit above a lowered hard limit.
   */
  restore(): void {
    this.restoreSignals();
    for (const restore of this.#restorations) {
      try {
        restore();
      } catch {
        // The others are restored all the same.
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

/** If the kernel does not report the umask, one is set that lets only this user read new files. */
function restoreFileModes(): () => void {
  const mask = readFileModeMask() ?? 0o077;
  return () => {
    process.umask(mask);
  };
}

/** Reads the umask from /proc/self/status, because umask(2) returns it only by changing it. */
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
