import { describe, expect, test } from "@jest/globals";
import { FairSlots } from "../../src/bounds/fair-slots.js";
import { MemoryBudget } from "../../src/bounds/memory-budget.js";

const never = new AbortController().signal;

/** Named pieces of work that last until `end` is called. */
class Works {
  readonly started: string[] = [];
  readonly #ends = new Map<string, () => void>();

  run(slots: FairSlots, name: string, bytes = 1, signal = never): Promise<void> {
    // The client is the name's first letter.
    return slots.within({ client: name.slice(0, 1), bytes, signal }, () => {
      this.started.push(name);
      return new Promise((resolve) => this.#ends.set(name, resolve));
    });
  }

  async end(name: string): Promise<void> {
    this.#ends.get(name)?.();
    await turn();
  }
}

/** Waits until the callbacks of all settled promises have run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("fair slots", () => {
  test("admit clients in turn, and each client's claims in order", async () => {
    const works = new Works();
    const slots = new FairSlots({ maxPlaces: 1, memory: new MemoryBudget(10) });
    const all = ["a1", "a2", "a3", "b1", "c1", "b2"].map((name) => works.run(slots, name));
    expect(slots.waiting).toBe(5);
    for (const name of ["a1", "a2", "b1", "c1", "a3", "b2"]) {
      await turn();
      expect(works.started.at(-1)).toBe(name);
      await works.end(name);
    }
    await Promise.all(all);
    expect(slots.waiting).toBe(0);
  });

  test("keep the sum of bytes within the limit, and let no claim overtake", async () => {
    const works = new Works();
    const slots = new FairSlots({ maxPlaces: 9, memory: new MemoryBudget(10) });
    const all = [
      works.run(slots, "a1", 6),
      works.run(slots, "b1", 4),
      works.run(slots, "c1", 7),
      works.run(slots, "d1", 1),
    ];
    await turn();
    expect(works.started).toEqual(["a1", "b1"]);
    await works.end("b1");
    expect(works.started).toEqual(["a1", "b1"]);
    await works.end("a1");
    expect(works.started).toEqual(["a1", "b1", "c1", "d1"]);
    await works.end("c1");
    await works.end("d1");
    await Promise.all(all);
  });

  test("admit a claim for more than the whole memory when it is alone", async () => {
    const works = new Works();
    const slots = new FairSlots({ maxPlaces: 2, memory: new MemoryBudget(10) });
    const all = [works.run(slots, "a1", 11), works.run(slots, "b1", 1)];
    await turn();
    expect(works.started).toEqual(["a1"]);
    await works.end("a1");
    await works.end("b1");
    await Promise.all(all);
  });

  test("give a released place to another client than the one that holds all", async () => {
    const works = new Works();
    const slots = new FairSlots({ maxPlaces: 3, memory: new MemoryBudget(10) });
    const all = ["a1", "a2", "a3", "a4", "a5"].map((name) => works.run(slots, name));
    all.push(works.run(slots, "b1"), works.run(slots, "b2"), works.run(slots, "c1"));
    await turn();
    expect(works.started).toEqual(["a1", "a2", "a3"]);
    await works.end("a1");
    expect(works.started.at(-1)).toBe("b1");
    await works.end("a2");
    expect(works.started.at(-1)).toBe("c1");
    // Each client holds one, and b2 has waited since b's turn.
    await works.end("c1");
    expect(works.started.at(-1)).toBe("a4");
    await works.end("a3");
    expect(works.started.at(-1)).toBe("b2");
    for (const name of ["a4", "b1", "b2", "a5"]) await works.end(name);
    await Promise.all(all);
  });

  test("share memory: what one releases, the other can admit", async () => {
    const works = new Works();
    const memory = new MemoryBudget(10);
    const [first, second] = [1, 2].map(() => new FairSlots({ maxPlaces: 2, memory }));
    if (first === undefined || second === undefined) throw new Error("expected two");
    const all = [works.run(first, "a1", 6), works.run(second, "b1", 5), works.run(first, "a2", 4)];
    await turn();
    expect(works.started).toEqual(["a1", "a2"]);
    await works.end("a1");
    expect(works.started).toEqual(["a1", "a2", "b1"]);
    await works.end("a2");
    await works.end("b1");
    await Promise.all(all);
  });

  test("drop a claim whose signal aborts while it waits, and admit those behind it", async () => {
    const works = new Works();
    const slots = new FairSlots({ maxPlaces: 2, memory: new MemoryBudget(10) });
    const gone = new AbortController();
    const first = works.run(slots, "a1", 6);
    const dropped = works.run(slots, "b1", 7, gone.signal);
    const third = works.run(slots, "c1", 4);
    await turn();
    expect(works.started).toEqual(["a1"]);
    const reason = new Error("disconnected");
    gone.abort(reason);
    await expect(dropped).rejects.toBe(reason);
    await turn();
    expect(works.started).toEqual(["a1", "c1"]);
    expect(slots.waiting).toBe(0);
    await works.end("a1");
    await works.end("c1");
    await Promise.all([first, third]);
  });

  test("reject a claim whose signal has already aborted", async () => {
    const works = new Works();
    const slots = new FairSlots({ maxPlaces: 1, memory: new MemoryBudget(10) });
    const gone = AbortSignal.abort(new Error("disconnected"));
    await expect(works.run(slots, "a1", 1, gone)).rejects.toThrow("disconnected");
    expect(works.started).toEqual([]);
  });

  test("do not start work whose signal aborts after its claim was admitted, and release its place", async () => {
    const works = new Works();
    const slots = new FairSlots({ maxPlaces: 1, memory: new MemoryBudget(10) });
    const gone = new AbortController();
    const dropped = works.run(slots, "a1", 1, gone.signal);
    gone.abort(new Error("disconnected"));
    await expect(dropped).rejects.toThrow("disconnected");
    expect(works.started).toEqual([]);
    const next = works.run(slots, "b1");
    await turn();
    await works.end("b1");
    await next;
  });

  test("reject a client's newest claim on request", async () => {
    const works = new Works();
    const slots = new FairSlots({ maxPlaces: 1, memory: new MemoryBudget(10) });
    const [first, second, third] = ["a1", "a2", "a3"].map((name) => works.run(slots, name));
    await turn();
    expect(slots.dismiss("b", new Error("none"))).toBe(false);
    expect(slots.dismiss("a", new Error("too many"))).toBe(true);
    await expect(third).rejects.toThrow("too many");
    await works.end("a1");
    await works.end("a2");
    await Promise.all([first, second]);
  });

  test("release a place when its work fails", async () => {
    const slots = new FairSlots({ maxPlaces: 1, memory: new MemoryBudget(10) });
    const claim = { client: "a", bytes: 10, signal: never };
    const failed = slots.within(claim, () => Promise.reject(new Error("failed")));
    await expect(failed).rejects.toThrow("failed");
    await expect(slots.within(claim, () => Promise.resolve(1))).resolves.toBe(1);
  });
});
