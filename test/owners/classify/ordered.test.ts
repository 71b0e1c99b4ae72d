import { expect, test } from "@jest/globals";
import { inOrder } from "../../../owners/classify/ordered.js";

interface Task {
  item: number;
  end: (outcome?: Error) => void;
}

/** Tasks that end when the test says so. */
function controlled(): { started: Task[]; task: (item: number) => Promise<string> } {
  const started: Task[] = [];
  const task = (item: number): Promise<string> =>
    new Promise((resolve, reject) => {
      started.push({
        item,
        end: (error) => {
          if (error === undefined) resolve(`result ${item}`);
          else reject(error);
        },
      });
    });
  return { started, task };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("hands results over in the order of the items, and runs no more tasks at once than it may", async () => {
  const { started, task } = controlled();
  const results: string[] = [];
  const done = inOrder([1, 2, 3, 4, 5], 2, task, (result) => {
    results.push(result);
    return Promise.resolve();
  });
  await turn();
  expect(started.map(({ item }) => item)).toEqual([1, 2]);
  started[1]?.end();
  await turn();
  expect([started.length, results]).toEqual([2, []]);
  started[0]?.end();
  await turn();
  expect(results).toEqual(["result 1", "result 2"]);
  expect(started.map(({ item }) => item)).toEqual([1, 2, 3, 4]);
  for (const { end } of started) end();
  await turn();
  for (const { end } of started) end();
  await done;
  expect(results).toEqual([1, 2, 3, 4, 5].map((item) => `result ${item}`));
});

test("starts no task after one has failed, and waits for those that run", async () => {
  const { started, task } = controlled();
  let ended = false;
  const done = inOrder([1, 2, 3, 4], 2, task, () => Promise.resolve()).finally(() => {
    ended = true;
  });
  done.catch(() => undefined);
  await turn();
  started[0]?.end(new Error("refused"));
  await turn();
  expect(ended).toBe(false);
  started[1]?.end();
  await expect(done).rejects.toThrow("refused");
  expect(started).toHaveLength(2);
});
