import { describe, expect, test } from "@jest/globals";
import { RequestError } from "../../src/http/request-error.js";
import { UploadMemory, type MemoryClaim } from "../../src/http/upload-memory.js";

const limits = { maxBytesInFlight: 1000, maxBytesPerAddress: 700 };

class Sender {
  readonly refusals: RequestError[] = [];
  readonly claim: MemoryClaim;
  rate: number | undefined;

  constructor(memory: UploadMemory, rate: number | undefined, address = "a") {
    this.rate = rate;
    this.claim = memory.open({
      address,
      bytesPerSecond: () => this.rate,
      onRefused: (error) => this.refusals.push(error),
    });
  }

  /** @returns the code of the refusal, if it is one */
  grow(bytes: number): string | undefined {
    try {
      this.claim.grow(bytes);
      return undefined;
    } catch (error) {
      return error instanceof RequestError ? error.code : "another error";
    }
  }
}

describe("the memory of uploads", () => {
  test("counts what was taken until it is released, which counts once", () => {
    const memory = new UploadMemory(limits);
    const [one, other] = [new Sender(memory, 1), new Sender(memory, 1, "b")];
    one.grow(300);
    other.grow(200);
    one.claim.shrinkTo(250);
    expect(memory.heldBytes).toBe(450);
    one.claim.release();
    one.claim.release();
    one.claim.shrinkTo(100);
    expect(memory.heldBytes).toBe(200);
  });

  test("is taken from the slowest uploads for a faster one, and no more of it than necessary", () => {
    const memory = new UploadMemory(limits);
    const senders = [30, 10, 20].map((rate, at) => new Sender(memory, rate, `${at}`));
    for (const sender of senders) expect(sender.grow(300)).toBeUndefined();
    const fast = new Sender(memory, 1000, "fast");
    expect(fast.grow(400)).toBeUndefined();
    expect(senders.map(({ refusals }) => refusals.length)).toEqual([0, 1, 0]);
    expect(senders[1]?.refusals[0]?.code).toBe("OVERLOADED");
    expect(memory.heldBytes).toBe(1000);
  });

  test("is not taken from others for an upload that is refused anyway", () => {
    const memory = new UploadMemory({ maxBytesInFlight: 1000, maxBytesPerAddress: 500 });
    const slowNeighbour = new Sender(memory, 10);
    slowNeighbour.grow(400);
    const fastOthers = ["b", "c"].map((address) => new Sender(memory, 1000, address));
    for (const other of fastOthers) expect(other.grow(300)).toBeUndefined();
    const asking = new Sender(memory, 100);
    // The other upload of its address could make room for the address's limit, but not for the limit of all.
    expect(asking.grow(450)).toBe("OVERLOADED");
    expect(slowNeighbour.refusals).toEqual([]);
    expect(memory.heldBytes).toBe(1000);
  });

  test("is refused to an upload that is the slowest itself", () => {
    const memory = new UploadMemory(limits);
    const [one, other] = [new Sender(memory, 50), new Sender(memory, 60, "b")];
    one.grow(500);
    other.grow(450);
    const slow = new Sender(memory, 5, "c");
    expect(slow.grow(51)).toBe("OVERLOADED");
    expect([one.refusals, other.refusals]).toEqual([[], []]);
    expect(memory.heldBytes).toBe(950);
  });

  test("is not taken from complete uploads, nor from slow ones where that would not suffice", () => {
    const memory = new UploadMemory(limits);
    const [whole, slow] = [new Sender(memory, undefined), new Sender(memory, 1, "b")];
    whole.grow(700);
    slow.grow(100);
    const fast = new Sender(memory, 1000, "c");
    expect(fast.grow(301)).toBe("OVERLOADED");
    expect([whole.refusals, slow.refusals]).toEqual([[], []]);
    expect(new Sender(memory, 1000, "c").grow(300)).toBeUndefined();
    expect(slow.refusals).toHaveLength(1);
  });

  test("has a limit for each address, within which the address's own uploads replace each other", () => {
    const memory = new UploadMemory(limits);
    const [slow, neighbour] = [new Sender(memory, 5), new Sender(memory, 1, "b")];
    slow.grow(600);
    neighbour.grow(100);
    expect(new Sender(memory, 50).grow(101)).toBeUndefined();
    expect([slow.refusals.length, neighbour.refusals.length]).toEqual([1, 0]);
    const [whole, next] = [new Sender(memory, undefined), new Sender(memory, 80)];
    whole.grow(599);
    expect(next.grow(200)).toBe("OVERLOADED");
    expect(new Sender(memory, 80, "b").grow(200)).toBeUndefined();
  });

  test("suffices for any single upload", () => {
    const memory = new UploadMemory(limits);
    const alone = new Sender(memory, 1);
    expect(alone.grow(5000)).toBeUndefined();
    expect(alone.grow(5000)).toBeUndefined();
    expect(new Sender(memory, undefined, "b").grow(1)).toBeUndefined();
    expect(alone.refusals).toHaveLength(1);
  });
});
