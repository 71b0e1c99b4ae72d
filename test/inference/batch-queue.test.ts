import { describe, expect, test } from "@jest/globals";
import { BatchQueue } from "../../src/inference/batch-queue.js";

const never = new AbortController().signal;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A queue whose runs wait until they are let go; it answers each number with its double. */
function heldQueue(options: { maxBatch?: number; maxQueue?: number } = {}) {
  const batches: number[][] = [];
  const holds: (() => void)[] = [];
  const sizes: number[] = [];
  const queue = new BatchQueue<number, number>({
    maxBatch: options.maxBatch ?? 4,
    maxDelayMs: 0,
    maxQueue: options.maxQueue ?? 100,
    onBatch: (size) => {
      sizes.push(size);
    },
    run: async (inputs) => {
      batches.push(inputs);
      await new Promise<void>((resolve) => holds.push(resolve));
      if (inputs.includes(-1)) throw new Error("a bad batch");
      return inputs.map((input) => input * 2);
    },
  });
  /** Lets runs go, one after the other, until nothing is left. */
  const letGo = async (): Promise<void> => {
    for (let times = 0; times < 20; times += 1) {
      holds.shift()?.();
      await turn();
    }
  };
  return { queue, batches, sizes, letGo };
}

describe("the batch queue", () => {
  test("packs what waits while a batch runs, in order, no more than a batch holds", async () => {
    const { queue, batches, sizes, letGo } = heldQueue({ maxBatch: 3 });
    const first = queue.add(1, never, undefined);
    await turn();
    const others = [2, 3, 4, 5].map((input) => queue.add(input, never, undefined));
    expect(queue.length).toBe(4);
    await letGo();
    expect(queue.length).toBe(0);
    const outputs = (await Promise.all([first, ...others])).map(({ output }) => output);
    expect(outputs).toEqual([2, 4, 6, 8, 10]);
    expect(batches).toEqual([[1], [2, 3, 4], [5]]);
    expect(sizes).toEqual([1, 3, 1]);
  });

  test("refuses at once what is over its length", async () => {
    const { queue, letGo } = heldQueue({ maxQueue: 2 });
    const running = queue.add(1, never, undefined);
    await turn();
    const waiting = [2, 3].map((input) => queue.add(input, never, undefined));
    await expect(queue.add(4, never, undefined)).rejects.toMatchObject({
      code: "OVERLOADED",
      retryAfterSeconds: 1,
    });
    await letGo();
    await expect(Promise.all([running, ...waiting])).resolves.toHaveLength(3);
  });

  test("drops what nobody waits for any more, before it costs a run", async () => {
    const { queue, batches, letGo } = heldQueue();
    const gone = new AbortController();
    const first = queue.add(1, never, undefined);
    await turn();
    const dropped = queue.add(2, gone.signal, undefined);
    const kept = queue.add(3, never, undefined);
    gone.abort(new Error("gone"));
    const failure = expect(dropped).rejects.toThrow("gone");
    await letGo();
    await failure;
    await Promise.all([first, kept]);
    expect(batches).toEqual([[1], [3]]);
    await expect(queue.add(4, gone.signal, undefined)).rejects.toThrow("gone");
  });

  test("never puts two owners' into one batch, and takes the oldest first", async () => {
    const { queue, batches, letGo } = heldQueue({ maxBatch: 3 });
    const [one, other] = [{}, {}];
    const owners = [undefined, one, other, undefined, one, other, one, one, undefined];
    const outputs = Promise.all(
      owners.map(async (owner, index) => (await queue.add(index, never, owner)).output),
    );
    await letGo();
    expect(await outputs).toEqual(owners.map((_, index) => index * 2));
    expect(batches).toEqual([[0, 3, 8], [1, 4, 6], [2, 5], [7]]);
  });

  test("fails a failing batch alone and goes on", async () => {
    const { queue, letGo } = heldQueue({ maxBatch: 2 });
    const first = queue.add(1, never, undefined);
    await turn();
    const others = [-1, 2, 3].map((input) => queue.add(input, never, undefined));
    const settled = Promise.allSettled([first, ...others]);
    await letGo();
    const outcomes = (await settled).map(({ status }) => status);
    expect(outcomes).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
  });

  test("waits for company where it is told to", async () => {
    const batches: number[][] = [];
    const queue = new BatchQueue<number, number>({
      maxBatch: 2,
      maxDelayMs: 5,
      maxQueue: 10,
      onBatch: () => undefined,
      run: (inputs) => {
        batches.push(inputs);
        return Promise.resolve(inputs);
      },
    });
    const first = queue.add(1, never, undefined);
    await Promise.resolve();
    await Promise.all([first, queue.add(2, never, undefined)]);
    expect(batches).toEqual([[1, 2]]);
  });

  test("does not invent an answer that the model did not give", async () => {
    const queue = new BatchQueue<number, number>({
      maxBatch: 2,
      maxDelayMs: 0,
      maxQueue: 10,
      onBatch: () => undefined,
      run: () => Promise.resolve([]),
    });
    await expect(queue.add(1, never, undefined)).rejects.toThrow("fewer outputs");
  });
});
