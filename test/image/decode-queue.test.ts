import { beforeAll, describe, expect, test } from "@jest/globals";
import { DecodeQueue, type DecodeQueueOptions } from "../../src/image/decode-queue.js";
import { configureDecoder } from "../../src/image/decode.js";
import { flat } from "../helpers/pictures.js";

const never = new AbortController().signal;
let large: Buffer;
let small: Buffer;

beforeAll(async () => {
  configureDecoder();
  large = await flat("red", 1200, 1000).png().toBuffer();
  small = await flat("blue", 50, 40).png().toBuffer();
});

function queueOf(options: Partial<DecodeQueueOptions> = {}): DecodeQueue {
  return new DecodeQueue({
    preprocessing: { resize: 36, crop: 32 },
    maxPixels: 2_000_000,
    maxDecodes: 3,
    maxQueue: 100,
    ...options,
  });
}

describe("the decode queue", () => {
  test("has large pictures come one after the other, and small ones pass them", async () => {
    const queue = queueOf();
    /** When each decoding began and ended, in milliseconds. */
    const prepare = async (file: Buffer): Promise<[number, number]> => {
      const asked = performance.now();
      const { queueMs, decodeMs } = await queue.prepare(file, never);
      return [asked + queueMs, asked + queueMs + decodeMs];
    };
    const larges = [1, 2, 3].map(() => prepare(large));
    const smalls = [1, 2, 3].map(() => prepare(small));
    const times = (await Promise.all(larges)).sort(([a], [b]) => a - b);
    times.slice(1).forEach(([began], index) => {
      // Clocks are read a moment after what they time.
      expect(began).toBeGreaterThan((times[index]?.[1] ?? Infinity) - 1);
    });
    const [lastBegan = 0] = times.at(-1) ?? [];
    for (const [, ended] of await Promise.all(smalls)) expect(ended).toBeLessThan(lastBegan);
    expect(queue.length).toBe(0);
  });

  test("refuses at once what is over its length, and goes on", async () => {
    const queue = queueOf({ maxDecodes: 1, maxQueue: 1 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => queue.prepare(large, never)),
    );
    const refusals = outcomes.flatMap((outcome): unknown[] =>
      outcome.status === "rejected" ? [outcome.reason] : [],
    );
    expect(refusals.length).toBeGreaterThan(0);
    expect(refusals.length).toBeLessThan(7);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ code: "OVERLOADED", retryAfterSeconds: 1 });
    }
    await expect(queue.prepare(small, never)).resolves.toMatchObject({ width: 50 });
  });

  test("drops what nobody waits for any more, and tells how long each part took", async () => {
    const queue = queueOf({ maxDecodes: 1 });
    const gone = new AbortController();
    const first = queue.prepare(large, never);
    const dropped = queue.prepare(small, gone.signal);
    const third = queue.prepare(small, never);
    const outcome = expect(dropped).rejects.toThrow("gone away");
    gone.abort(new Error("gone away"));
    await outcome;
    const { decodeMs } = await first;
    const { queueMs } = await third;
    expect(decodeMs).toBeGreaterThan(0);
    expect(queueMs).toBeGreaterThan(0);
  });

  test("goes on after a picture that is none", async () => {
    const queue = queueOf({ maxDecodes: 1 });
    const half = large.subarray(0, large.length / 2);
    await expect(queue.prepare(half, never)).rejects.toMatchObject({ code: "IMAGE_UNSUPPORTED" });
    await expect(queue.prepare(large, never)).resolves.toMatchObject({ width: 1200 });
  });
});
