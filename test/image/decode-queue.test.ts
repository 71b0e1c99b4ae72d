import { beforeAll, describe, expect, test } from "@jest/globals";
import { DecodeQueue, type DecodeQueueOptions } from "../../src/image/decode-queue.js";
import { configureDecoder, inspectImage } from "../../src/image/decode.js";
import { defaultLimits } from "../../src/image/limits.js";
import { flatPng } from "../helpers/png.js";
import { flat } from "../helpers/pictures.js";

const never = new AbortController().signal;
let large: Buffer;
let small: Buffer;
let largeBytes: number;
let smallBytes: number;

beforeAll(async () => {
  configureDecoder();
  large = await flat("red", 1200, 1000).png().toBuffer();
  small = await flat("blue", 50, 40).png().toBuffer();
  largeBytes = (await inspectImage(large, defaultLimits)).decodeBytes;
  smallBytes = (await inspectImage(small, defaultLimits)).decodeBytes;
});

/** Memory for one large picture and for a small one in each place. */
function queueOf(options: Partial<DecodeQueueOptions> = {}): DecodeQueue {
  const limits = { ...defaultLimits, maxDecodeBytes: largeBytes };
  return new DecodeQueue({
    preprocessing: { resize: 36, crop: 32 },
    limits,
    maxDecodes: 3,
    maxDecodeBytesInFlight: largeBytes + 3 * smallBytes,
    decodeTimeoutMs: 60_000,
    maxQueue: 100,
    ...options,
  });
}

/** Memory in which two pictures of `largeBytes` do not fit together, nor one into the part for small ones. */
function tightQueue(options: Partial<DecodeQueueOptions> = {}): DecodeQueue {
  return queueOf({ maxDecodeBytesInFlight: largeBytes + smallBytes, ...options });
}

describe("the decode queue", () => {
  test("decodes large pictures one after the other, and small ones meanwhile", async () => {
    expect(largeBytes).toBeGreaterThan(smallBytes);
    const queue = tightQueue();
    /** Start and end of each decoding, in milliseconds. */
    const prepare = async (file: Buffer): Promise<[number, number]> => {
      const asked = performance.now();
      const { queueMs, decodeMs } = await queue.prepare(file, never, "a");
      return [asked + queueMs, asked + queueMs + decodeMs];
    };
    const larges = [1, 2, 3, 4, 5, 6].map(() => prepare(large));
    const smalls = [1, 2, 3].map(() => prepare(small));
    const times = (await Promise.all(larges)).sort(([a], [b]) => a - b);
    times.slice(1).forEach(([began], index) => {
      // The clock is read a moment after the event.
      expect(began).toBeGreaterThan((times[index]?.[1] ?? Infinity) - 1);
    });
    const [lastBegan = 0] = times.at(-1) ?? [];
    for (const [, ended] of await Promise.all(smalls)) expect(ended).toBeLessThan(lastBegan);
    expect(queue.length).toBe(0);
  });

  test("lets clients take turns: one large picture does not wait for all of another client's", async () => {
    const queue = tightQueue();
    const order: string[] = [];
    const prepare = async (client: string): Promise<void> => {
      await queue.prepare(large, never, client);
      order.push(client);
    };
    await Promise.all(["a", "a", "a", "a", "a", "a", "b"].map(prepare));
    expect(order.indexOf("b")).toBeLessThanOrEqual(3);
  });

  test("refuses a picture at once when it is full, and continues", async () => {
    const queue = queueOf({ maxDecodes: 1, maxQueue: 1 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => queue.prepare(large, never, "a")),
    );
    const refusals = outcomes.flatMap((outcome): unknown[] =>
      outcome.status === "rejected" ? [outcome.reason] : [],
    );
    expect(refusals.length).toBeGreaterThan(0);
    expect(refusals.length).toBeLessThan(7);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ code: "DECODE_QUEUE_FULL" });
    }
    await expect(queue.prepare(small, never, "a")).resolves.toMatchObject({ width: 50 });
  });

  test("when it is full, refuses a file without reading it", async () => {
    const queue = queueOf({ maxDecodes: 1, maxQueue: 1 });
    const others = [queue.prepare(large, never, "a"), queue.prepare(large, never, "a")];
    const text = Buffer.from("not a picture");
    await expect(queue.prepare(text, never, "a")).rejects.toMatchObject({
      code: "DECODE_QUEUE_FULL",
    });
    await Promise.all(others);
  });

  test("when it is full, drops a picture of the client that has most waiting", async () => {
    const queue = queueOf({ maxDecodes: 1, maxQueue: 4 });
    const greedy = Promise.allSettled(
      [1, 2, 3, 4, 5].map(() => queue.prepare(large, never, "greedy")),
    );
    const other = queue.prepare(small, never, "other");
    await expect(other).resolves.toMatchObject({ width: 50 });
    const refused = (await greedy).filter(({ status }) => status === "rejected");
    expect(refused).toMatchObject([{ reason: { code: "DECODE_QUEUE_FULL" } }]);
  });

  test("drops the waiting picture of a client that disconnects at once, and never decodes it", async () => {
    const queue = queueOf({ maxDecodes: 1 });
    const gone = new AbortController();
    const first = queue.prepare(large, never, "a");
    const dropped = queue.prepare(small, gone.signal, "a");
    const third = queue.prepare(small, never, "a");
    let firstHasEnded = false;
    void first.then(() => (firstHasEnded = true));
    gone.abort(new Error("disconnected"));
    await expect(dropped).rejects.toThrow("disconnected");
    expect(firstHasEnded).toBe(false);
    expect(queue.length).toBe(1);
    const { decodeMs } = await first;
    const { queueMs } = await third;
    expect(decodeMs).toBeGreaterThan(0);
    expect(queueMs).toBeGreaterThan(0);
  });

  test("does not resize a picture whose client disconnected while it was decoded", async () => {
    const queue = queueOf();
    const gone = new AbortController();
    const under = queue.prepare(large, gone.signal, "a");
    const outcome = expect(under).rejects.toThrow("disconnected");
    // The header has been read once no claim waits for it and the decoding is under way.
    setImmediate(() => {
      gone.abort(new Error("disconnected"));
    });
    await outcome;
  });

  test("continues after a file that is not a picture", async () => {
    const queue = queueOf({ maxDecodes: 1 });
    const half = large.subarray(0, large.length / 2);
    const code = { code: "IMAGE_UNSUPPORTED" };
    await expect(queue.prepare(half, never, "a")).rejects.toMatchObject(code);
    await expect(queue.prepare(large, never, "a")).resolves.toMatchObject({ width: 1200 });
  });

  test("reserves the memory of metadata while a header is read", async () => {
    const queue = queueOf({ maxDecodeBytesInFlight: largeBytes + 40e6 });
    const padded = Buffer.concat([small, Buffer.alloc(4e6)]);
    const first = [queue.prepare(small, never, "a"), queue.prepare(padded, never, "a")];
    expect(queue.length).toBe(0);
    const second = queue.prepare(padded, never, "b");
    expect(queue.length).toBe(1);
    await Promise.all([...first, second]);
    expect(queue.length).toBe(0);
  });

  test("stops a decoding at its deadline", async () => {
    // One pixel wide: the overhead for each row takes seconds.
    const limits = { ...defaultLimits, maxHeight: 20_000_000 };
    const queue = queueOf({ limits, maxDecodeBytesInFlight: 1e9, decodeTimeoutMs: 1000 });
    const slow = flatPng({ width: 1, height: 20_000_000, bits: 8, colourType: 0 });
    await expect(queue.prepare(slow, never, "a")).rejects.toMatchObject({
      code: "DECODE_TIMEOUT",
    });
    await expect(queue.prepare(small, never, "a")).resolves.toMatchObject({ width: 50 });
  });
});
