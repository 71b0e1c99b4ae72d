import { expect, test } from "@jest/globals";
import { FairSlots } from "../../src/bounds/fair-slots.js";
import { MemoryBudget } from "../../src/bounds/memory-budget.js";
import { makeRoom } from "../../src/bounds/make-room.js";

const refusal = new Error("full");
const never = new AbortController().signal;

/** Slots of which one is taken, and in which these clients wait. */
function waitingFor(clients: readonly string[]): { queue: FairSlots; dismissed: string[] } {
  const queue = new FairSlots({ maxPlaces: 1, memory: new MemoryBudget(0) });
  const dismissed: string[] = [];
  for (const client of ["first", ...clients]) {
    const claim = { client, bytes: 0, signal: never };
    queue.within(claim, () => new Promise(() => undefined)).catch(() => dismissed.push(client));
  }
  return { queue, dismissed };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const room = (queue: FairSlots, client: string, replacesEqual?: () => boolean) => ({
  ...{ queues: [queue], maxWaiting: 2, client },
  ...(replacesEqual === undefined ? {} : { replacesEqual }),
});

test("dismisses a claim of the client that has most, and of no other", async () => {
  const { queue, dismissed } = waitingFor(["a", "a"]);
  makeRoom(room(queue, "b"), refusal);
  await turn();
  expect(dismissed).toEqual(["a"]);
});

test("refuses a newcomer where all have one claim, unless it may take the place of one", async () => {
  const { queue, dismissed } = waitingFor(["a", "b"]);
  expect(() => {
    makeRoom(room(queue, "c"), refusal);
  }).toThrow(refusal);
  expect(() => {
    makeRoom(
      room(queue, "c", () => false),
      refusal,
    );
  }).toThrow(refusal);
  makeRoom(
    room(queue, "c", () => true),
    refusal,
  );
  await turn();
  expect(dismissed).toHaveLength(1);
});

test("refuses a second claim of a client where all have one", () => {
  const { queue } = waitingFor(["a", "b"]);
  expect(() => {
    makeRoom(
      room(queue, "a", () => true),
      refusal,
    );
  }).toThrow(refusal);
});
