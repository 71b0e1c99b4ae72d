import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { Deadline } from "../../src/bounds/deadline.js";
import { retry, retryUnavailable, type FailedAttempt } from "../../src/bounds/retry.js";
import { RefusedError, UnavailableError } from "../../src/errors.js";

const never = new AbortController().signal;
const options = { signal: never, isTransient: () => true, baseDelayMs: 1, maxDelayMs: 4 };
const failure = { doing: "asking", expected: "an answer", got: "none", fix: "Wait" };
/** A timer of Node may end this much before its time. */
const toleranceMs = 1;

afterEach(() => {
  jest.restoreAllMocks();
});

/** An operation whose first calls fail, and when it was called. */
function failing(times: number) {
  const calledAt: number[] = [];
  const operation = (): Promise<string> => {
    calledAt.push(performance.now());
    const { length } = calledAt;
    return length <= times ? Promise.reject(new Error(`failure ${length}`)) : Promise.resolve("ok");
  };
  const waits = () => calledAt.slice(1).map((time, index) => time - (calledAt[index] ?? 0));
  return { operation, calls: () => calledAt.length, waits };
}

describe("retry", () => {
  test("repeats the operation until it succeeds, and reports each failure", async () => {
    const { operation } = failing(3);
    const seen: string[] = [];
    const onRetry = ({ number, error }: { number: number; error: unknown }): void => {
      seen.push(`${number}: ${String(error)}`);
    };
    await expect(retry(operation, { ...options, onRetry })).resolves.toBe("ok");
    expect(seen).toEqual(["1: Error: failure 1", "2: Error: failure 2", "3: Error: failure 3"]);
  });

  test("does not repeat an operation whose failure is not transient", async () => {
    const { operation, calls } = failing(3);
    const onRetry = jest.fn();
    const attempt = retry(operation, { ...options, isTransient: () => false, onRetry });
    await expect(attempt).rejects.toThrow("failure 1");
    expect([calls(), onRetry.mock.calls.length]).toEqual([1, 0]);
  });

  // With these random numbers, each delay is its bound, half of it, and none of it.
  test.each([
    [1, [20, 40, 60, 60]],
    [0.5, [10, 20, 30, 30]],
    [0, [0, 0, 0, 0]],
  ])("waits %d of a bound that doubles up to the largest", async (random, expected) => {
    jest.spyOn(Math, "random").mockReturnValue(random);
    const { operation, waits } = failing(4);
    const delays: number[] = [];
    const onRetry = ({ delayMs }: { delayMs: number }): void => {
      delays.push(delayMs);
    };
    await retry(operation, { ...options, onRetry, baseDelayMs: 20, maxDelayMs: 60 });
    expect(delays).toEqual(expected);
    waits().forEach((waitMs, index) => {
      expect(waitMs).toBeGreaterThanOrEqual((expected[index] ?? 0) - toleranceMs);
    });
  });

  test("waits as long as the other side asks, where that is longer", async () => {
    jest.spyOn(Math, "random").mockReturnValue(1);
    const { operation, waits } = failing(2);
    const asked = [50, 5];
    const delays: number[] = [];
    const onRetry = ({ delayMs }: { delayMs: number }): void => {
      delays.push(delayMs);
    };
    const retryAfterMs = () => asked.shift();
    await retry(operation, { ...options, baseDelayMs: 10, maxDelayMs: 20, retryAfterMs, onRetry });
    expect(delays).toEqual([50, 20]);
    expect(waits()[0]).toBeGreaterThanOrEqual(50 - toleranceMs);
  });

  test("throws the last failure when the signal aborts, without waiting for the next attempt", async () => {
    const { operation, calls } = failing(Infinity);
    const controller = new AbortController();
    const attempt = retry(operation, {
      ...options,
      signal: controller.signal,
      retryAfterMs: () => (calls() === 2 ? 3_600_000 : 0),
      onRetry: ({ number }) => {
        if (number === 1) return;
        queueMicrotask(() => {
          controller.abort();
        });
      },
    });
    await expect(attempt).rejects.toThrow("failure 2");
    expect(calls()).toBe(2);
  });

  test("throws the failure before the one that the abort itself caused", async () => {
    const controller = new AbortController();
    let calls = 0;
    const operation = (): Promise<never> => {
      calls += 1;
      if (calls === 2) controller.abort();
      return Promise.reject(new Error(calls === 1 ? "the cause" : "aborted"));
    };
    const attempt = retry(operation, { ...options, signal: controller.signal, onRetry: () => {} });
    await expect(attempt).rejects.toThrow("the cause");
    expect(calls).toBe(2);
  });

  test("throws the only failure where the signal aborts during the first attempt", async () => {
    const controller = new AbortController();
    const onRetry = jest.fn();
    const operation = (): Promise<never> => {
      controller.abort();
      return Promise.reject(new Error("aborted"));
    };
    const attempt = retry(operation, { ...options, signal: controller.signal, onRetry });
    await expect(attempt).rejects.toThrow("aborted");
    expect(onRetry).not.toHaveBeenCalled();
  });

  test("waits until the deadline, and makes no attempt after it, where the other side asks for more time", async () => {
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
    // A hundred times: a timer of the wait's own would only sometimes end before that of the deadline.
    await Promise.all(Array.from({ length: 100 }, (_, index) => one(20 + index)));
  });
});

describe("retryUnavailable", () => {
  test("repeats after an UnavailableError, and reports its parts", async () => {
    const failed = new UnavailableError("RELEASE_FAILED", failure, { retryAfterMs: 7 });
    const results = [Promise.reject(failed), Promise.resolve("ok")];
    const attempts: FailedAttempt[] = [];
    const context = { signal: never, onRetry: (attempt: FailedAttempt) => attempts.push(attempt) };
    jest.spyOn(Math, "random").mockReturnValue(0);
    const operation = () => results.shift() ?? Promise.reject(new Error("one attempt too many"));
    await expect(retryUnavailable(operation, context)).resolves.toBe("ok");
    expect(attempts).toEqual([{ step: "asking", number: 1, reason: "none", delayMs: 7 }]);
  });

  test("does not repeat after any other error", async () => {
    const refused = new RefusedError("RELEASE_REFUSED", failure);
    const operation = jest.fn(() => Promise.reject(refused));
    const context = { signal: never, onRetry: () => {} };
    await expect(retryUnavailable(operation, context)).rejects.toBe(refused);
    expect(operation).toHaveBeenCalledTimes(1);
  });
});
