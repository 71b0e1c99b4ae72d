import { describe, expect, test } from "@jest/globals";
import { Deadline } from "../../src/net/deadline.js";
import { retry, withSignal } from "../../src/net/retry.js";

const never = new AbortController().signal;

function failing(times: number): { operation: () => Promise<string>; calls: () => number } {
  let calls = 0;
  const operation = (): Promise<string> => {
    calls += 1;
    return calls <= times ? Promise.reject(new Error(`failure ${calls}`)) : Promise.resolve("done");
  };
  return { operation, calls: () => calls };
}

describe("retry", () => {
  const options = { signal: never, isTransient: () => true, baseDelayMs: 1, maxDelayMs: 4 };

  test("goes on until the operation succeeds, and tells of each failure", async () => {
    const { operation } = failing(3);
    const seen: string[] = [];
    const onRetry = ({ number, error }: { number: number; error: unknown }): void => {
      seen.push(`${number}: ${String(error)}`);
    };
    await expect(retry(operation, { ...options, onRetry })).resolves.toBe("done");
    expect(seen).toEqual(["1: Error: failure 1", "2: Error: failure 2", "3: Error: failure 3"]);
  });

  test("gives up at once on what will not pass", async () => {
    const { operation, calls } = failing(3);
    const attempt = retry(operation, { ...options, isTransient: () => false, onRetry: () => {} });
    await expect(attempt).rejects.toThrow("failure 1");
    expect(calls()).toBe(1);
  });

  test("throws the last failure when time is up, without waiting for the next attempt", async () => {
    const { operation, calls } = failing(Infinity);
    const deadline = new AbortController();
    const attempt = retry(operation, {
      ...options,
      signal: deadline.signal,
      baseDelayMs: 1,
      maxDelayMs: 1,
      retryAfterMs: () => (calls() === 2 ? 3_600_000 : 0),
      onRetry: ({ delayMs }) => {
        if (delayMs <= 1) return;
        queueMicrotask(() => {
          deadline.abort();
        });
      },
    });
    await expect(attempt).rejects.toThrow("failure 2");
  });

  test("waits no longer than the time that is left, until the deadline, and asks no more", async () => {
    const one = async (timeoutMs: number): Promise<void> => {
      const { operation, calls } = failing(Infinity);
      const deadline = new Deadline(timeoutMs);
      const delays: number[] = [];
      const attempt = retry(operation, {
        ...options,
        signal: deadline.signal,
        retryAfterMs: () => 2 ** 40,
        onRetry: ({ delayMs }) => {
          delays.push(delayMs);
        },
      });
      await expect(attempt).rejects.toThrow("failure 1");
      expect([calls(), delays.length, deadline.isExpired]).toEqual([1, 1, true]);
      expect(delays[0]).toBeLessThanOrEqual(timeoutMs);
    };
    // A timer of its own would now and then end before the deadline's.
    await Promise.all(Array.from({ length: 100 }, (_, index) => one(20 + index)));
  });

  test("waits between nothing and a bound that doubles up to the largest", async () => {
    const { operation } = failing(8);
    const delays: number[] = [];
    const onRetry = ({ delayMs }: { delayMs: number }): void => {
      delays.push(delayMs);
    };
    await retry(operation, { ...options, onRetry });
    const bounds = [1, 2, 4, 4, 4, 4, 4, 4];
    expect(delays.every((delay, index) => delay >= 0 && delay <= (bounds[index] ?? 0))).toBe(true);
  });
});

describe("withSignal", () => {
  test("rejects with the signal's reason where the promise hangs", async () => {
    const controller = new AbortController();
    const waiting = withSignal(new Promise(() => {}), controller.signal);
    controller.abort(new Error("time is up"));
    await expect(waiting).rejects.toThrow("time is up");
  });

  test("rejects at once on a signal that aborted before", async () => {
    await expect(withSignal(new Promise(() => {}), AbortSignal.abort())).rejects.toThrow();
  });

  test("passes the promise's own outcome on", async () => {
    await expect(withSignal(Promise.resolve(1), never)).resolves.toBe(1);
    await expect(withSignal(Promise.reject(new Error("own")), never)).rejects.toThrow("own");
  });
});
