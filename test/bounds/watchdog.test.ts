import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Watchdog } from "../../src/bounds/watchdog.js";

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

function watched() {
  const expired: number[] = [];
  const watchdog = new Watchdog((timeoutMs) => expired.push(timeoutMs));
  return { watchdog, expired };
}

describe("a watchdog", () => {
  test("calls back once, when the time limit expires", () => {
    const { watchdog, expired } = watched();
    watchdog.start(1000);
    jest.advanceTimersByTime(999);
    expect(expired).toEqual([]);
    jest.advanceTimersByTime(10_000);
    expect(expired).toEqual([1000]);
  });

  test("does not call back after it is stopped, even if the time limit expired in the same iteration of the event loop", () => {
    const { watchdog, expired } = watched();
    watchdog.start(1000);
    jest.advanceTimersByTime(500);
    watchdog.stop();
    jest.advanceTimersByTime(10_000);
    watchdog.start(1000);
    // After the last of ten timers, before its `setImmediate`.
    for (let step = 0; step < 10; step += 1) jest.advanceTimersToNextTimer();
    watchdog.stop();
    jest.advanceTimersByTime(10_000);
    expect(expired).toEqual([]);
  });

  test("counts from its last start", () => {
    const { watchdog, expired } = watched();
    watchdog.start(1000);
    jest.advanceTimersByTime(900);
    watchdog.start(2000);
    jest.advanceTimersByTime(1999);
    expect(expired).toEqual([]);
    jest.advanceTimersByTime(2);
    expect(expired).toEqual([2000]);
  });
});

test("a watchdog loses one of its timers, not the whole time limit, if the event loop is blocked", async () => {
  jest.useRealTimers();
  const { watchdog, expired } = watched();
  watchdog.start(300);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 350);
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  watchdog.stop();
  expect(expired).toEqual([]);
});
