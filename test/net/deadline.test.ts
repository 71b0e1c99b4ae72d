import { describe, expect, test } from "@jest/globals";
import { Deadline, timeLeftMs } from "../../src/net/deadline.js";

function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      resolve(signal.reason);
    });
  });
}

describe("a deadline", () => {
  test("aborts when time is up, and says so", async () => {
    const deadline = new Deadline(1);
    expect(await aborted(deadline.signal)).toMatchObject({ name: "TimeoutError" });
    expect(deadline.isExpired).toBe(true);
  });

  test("aborts with its parent, for the parent's reason", async () => {
    const parent = new AbortController();
    const deadline = new Deadline(3_600_000, parent.signal);
    const reason = aborted(deadline.signal);
    parent.abort("enough");
    expect(await reason).toBe("enough");
    expect(deadline.isExpired).toBe(false);
  });

  test("has aborted from the start where its parent has", () => {
    const deadline = new Deadline(3_600_000, AbortSignal.abort("long ago"));
    expect(deadline.signal.reason).toBe("long ago");
  });

  test("that has ended never aborts, neither by time nor by its parent", async () => {
    const parent = new AbortController();
    const ended = new Deadline(1, parent.signal);
    ended.end();
    await aborted(new Deadline(20).signal);
    parent.abort();
    expect([ended.signal.aborted, ended.isExpired]).toEqual([false, false]);
  });

  test("tells how long it has, and no longer than its parent", () => {
    const parent = new Deadline(1000);
    const child = new Deadline(3_600_000, parent.signal);
    for (const { signal } of [parent, child]) {
      expect(timeLeftMs(signal)).toBeGreaterThan(0);
      expect(timeLeftMs(signal)).toBeLessThanOrEqual(1000);
    }
    expect(timeLeftMs(new AbortController().signal)).toBe(Infinity);
    parent.end();
    child.end();
  });

  test("of which only the signal is kept still comes", async () => {
    const signals = Array.from(
      { length: 1000 },
      () => new Deadline(30, new AbortController().signal).signal,
    );
    const reasons = Promise.all(signals.map(aborted));
    globalThis.gc?.();
    expect((await reasons).length).toBe(1000);
  });
});
