import { describe, expect, test } from "@jest/globals";
import { BatchQueue } from "../../src/inference/batch-queue.js";

const never = new AbortController().signal;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A queue whose runs wait for `finishRuns`; it answers each number with its double. */
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
  /** Finishes runs, one after the other, until none is left. */
  const finishRuns = async (): Promise<void> => {
    for (let times = 0; times < 20; times += 1) {
      holds.shift()?.();
      await turn();
    }
  };
  return { queue, batches, sizes, finishRuns };
}

describe("the batch queue", () => {
  test("collects inputs into batches of at most maxBatch, in order, while a batch runs", async () => {
    const { queue, batches, sizes, finishRuns } = heldQueue({ maxBatch: 3 });
    const first = queue.add(1, never, undefined);
    await turn();
    const others = [2, 3, 4, 5].map((input) => queue.add(input, never, undefined));
    expect(queue.length).toBe(4);
    await finishRuns();
    expect(queue.length).toBe(0);
    const outputs = (await Promise.all([first, ...others])).map(({ output }) => output);
    expect(outputs).toEqual([2, 4, 6, 8, 10]);
    expect(batches).toEqual([[1], [2, 3, 4], [5]]);
    expect(sizes).toEqual([1, 3, 1]);
  });

  test("refuses an input at once when it is full", async () => {
    const { queue, finishRuns } = heldQueue({ maxQueue: 2 });
    const running = queue.add(1, never, undefined);
    await turn();
    const waiting = [2, 3].map((input) => queue.add(input, never, undefined));
    await expect(queue.add(4, never, undefined)).rejects.toMatchObject({
      code: "MODEL_QUEUE_FULL",
    });
    await finishRuns();
    await expect(Promise.all([running, ...waiting])).resolves.toHaveLength(3);
  });

  test("drops an input whose signal has aborted, before it is run", async () => {
    const { queue, batches, finishRuns } = heldQueue();
    const gone = new AbortController();
    const first = queue.add(1, never, undefined);
    await turn();
    const dropped = queue.add(2, gone.signal, undefined);
    const kept = queue.add(3, never, undefined);
    gone.abort(new Error("gone"));
    const failure = expect(dropped).rejects.toThrow("gone");
    await finishRuns();
    await failure;
    await Promise.all([first, kept]);
    expect(batches).toEqual([[1], [3]]);
    await expect(queue.add(4, gone.signal, undefined)).rejects.toThrow("gone");
  });

  test("never puts inputs of two owners into one batch, and runs the oldest first", async () => {
    const { queue, batches, finishRuns } = heldQueue({ maxBatch: 3 });
    const [one, other] = [{}, {}];
    const owners = [undefined, one, other, undefined, one, other, one, one, undefined];
    const outputs = Promise.all(
      owners.map(async (owner, index) => (await queue.add(index, never, owner)).output),
    );
    await finishRuns();
    expect(await outputs).toEqual(owners.map((_, index) => index * 2));
    expect(batches).toEqual([[0, 3, 8], [1, 4, 6], [2, 5], [7]]);
  });

  test("rejects the inputs of a failing batch only, and continues", async () => {
    const { queue, finishRuns } = heldQueue({ maxBatch: 2 });
    const first = queue.add(1, never, undefined);
    await turn();
    const others = [-1, 2, 3].map((input) => queue.add(input, never, undefined));
    const settled = Promise.allSettled([first, ...others]);
    await finishRuns();
    const outcomes = (await settled).map(({ status }) => status);
    expect(outcomes).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
  });

  test("waits for more inputs if maxDelayMs is set", async () => {
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

  test("rejects an input for which the run returned no output", async () => {
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
