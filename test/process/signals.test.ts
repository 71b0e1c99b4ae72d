import { constants } from "node:os";
import { describe, expect, test } from "@jest/globals";
import { endingSignals, handleEndingSignals } from "../../src/process/signals.js";

/** Signals without a handler (signal(7)): they do not end a process, or JavaScript cannot or must not handle them. */
const others = {
  kernelOnly: ["SIGKILL", "SIGSTOP"],
  // By default the process ignores these, stops or continues.
  harmless: ["SIGCHLD", "SIGCONT", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGWINCH"],
  ignoredByNode: ["SIGPIPE", "SIGXFSZ"],
  faults: ["SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP"],
  secondNames: ["SIGIOT", "SIGPOLL"],
};

describe("the handlers of signals", () => {
  test("cover every signal that Node knows, except those listed with a reason", () => {
    const known = Object.keys(constants.signals);
    expect([...endingSignals, ...Object.values(others).flat()].sort()).toEqual(known.sort());
  });

  test("are registered independently: one that cannot be registered does not prevent the others", () => {
    const on = process.on.bind(process);
    const handler = (): void => undefined;
    try {
      process.on = ((event: string, listener: () => void) => {
        if (event === "SIGINT" || event === "SIGSYS") throw new Error(`no ${event} here`);
        return on(event as "exit", listener);
      }) as typeof process.on;
      expect(handleEndingSignals(handler)).toEqual({
        signals: ["SIGINT", "SIGSYS"],
        reason: "no SIGINT here",
      });
      for (const signal of endingSignals) {
        const isRegistered = process.listeners(signal).includes(handler);
        expect([signal, isRegistered]).toEqual([signal, !/INT|SYS/u.test(signal)]);
      }
    } finally {
      process.on = on;
      for (const signal of endingSignals) process.off(signal, handler);
    }
  });
});
