import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "@jest/globals";
import { Deadline, timeLeftMs, withSignal } from "../../src/bounds/deadline.js";

/** V8 exposes its collector only in contexts made after the flag is set. */
function collectGarbage(): void {
  setFlagsFromString("--expose_gc");
  runInNewContext("gc()");
}

function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      resolve(signal.reason);
    });
  });
}

describe("a deadline", () => {
  test("aborts with a TimeoutError when its time has passed", async () => {
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

  test("is aborted from the start if its parent is", () => {
    const deadline = new Deadline(3_600_000, AbortSignal.abort("earlier"));
    expect(deadline.signal.reason).toBe("earlier");
  });

  test("does not abort after `end`, neither by time nor by its parent", async () => {
    const parent = new AbortController();
    const ended = new Deadline(1, parent.signal);
    ended.end();
    await aborted(new Deadline(20).signal);
    parent.abort();
    expect([ended.signal.aborted, ended.isExpired]).toEqual([false, false]);
  });

  test("reports the time that is left: never more than its parent has", () => {
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

  test("aborts its signal even if nothing else refers to the deadline", async () => {
    const signals = Array.from(
      { length: 1000 },
      () => new Deadline(30, new AbortController().signal).signal,
    );
    const reasons = Promise.all(signals.map(aborted));
    collectGarbage();
    expect((await reasons).length).toBe(1000);
  });
});

describe("withSignal", () => {
  test("rejects with the signal's reason when it aborts before the promise settles", async () => {
    const controller = new AbortController();
    const waiting = withSignal(new Promise(() => {}), controller.signal);
    controller.abort(new Error("aborted later"));
    await expect(waiting).rejects.toThrow("aborted later");
  });

  test("rejects with the reason of a signal that is already aborted", async () => {
    const aborted = AbortSignal.abort(new Error("aborted before"));
    await expect(withSignal(new Promise(() => {}), aborted)).rejects.toThrow("aborted before");
  });

  test("settles like the promise where the signal does not abort, and leaves no listener", async () => {
    const { signal } = new AbortController();
    await expect(withSignal(Promise.resolve(1), signal)).resolves.toBe(1);
    await expect(withSignal(Promise.reject(new Error("own")), signal)).rejects.toThrow("own");
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});
