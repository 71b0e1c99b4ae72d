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

/** Once so many wait; fails where they never do. */
async function waiting(queue: DecodeQueue, count: number): Promise<void> {
  for (let turns = 0; turns < 100_000; turns += 1) {
    if (queue.length >= count) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`${queue.length} wait, not ${count}`);
}

describe("the decode queue", () => {
  test("has large pictures come one after the other, and small ones pass them", async () => {
    const queue = queueOf();
    const ended: string[] = [];
    const prepare = async (file: Buffer, name: string): Promise<void> => {
      await queue.prepare(file, never);
      ended.push(name);
    };
    const all = [1, 2, 3].map((number) => prepare(large, `large ${number}`));
    await waiting(queue, 2);
    await Promise.all([...all, ...[1, 2, 3].map((number) => prepare(small, `small ${number}`))]);
    expect(queue.length).toBe(0);
    expect(ended.filter((name) => name.startsWith("large"))).toEqual([
      "large 1",
      "large 2",
      "large 3",
    ]);
    expect(ended.at(-1)).toBe("large 3");
    expect(ended.slice(0, 5)).toEqual(expect.arrayContaining(["small 1", "small 2", "small 3"]));
  });

  test("refuses at once what is over its length, and goes on", async () => {
    const queue = queueOf({ maxDecodes: 1, maxQueue: 1 });
    const first = queue.prepare(large, never);
    const second = queue.prepare(large, never);
    await waiting(queue, 1);
    await expect(queue.prepare(large, never)).rejects.toMatchObject({
      code: "OVERLOADED",
      retryAfterSeconds: 1,
    });
    await expect(Promise.all([first, second])).resolves.toHaveLength(2);
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
