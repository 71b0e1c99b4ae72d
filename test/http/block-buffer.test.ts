import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { BlockBuffer } from "../../src/http/block-buffer.js";

function counted() {
  const allocated: number[] = [];
  const buffer = new BlockBuffer((bytes) => allocated.push(bytes));
  return { buffer, taken: () => allocated.reduce((sum, bytes) => sum + bytes, 0) };
}

describe("a block buffer", () => {
  test("returns the appended bytes, and takes at most twice their memory or one small block", () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 40 });
    fc.assert(
      fc.property(pieces, (chunks) => {
        const { buffer, taken } = counted();
        for (const chunk of chunks) buffer.append(chunk);
        const whole = Buffer.concat(chunks);
        expect(buffer.length).toBe(whole.length);
        expect(taken()).toBeGreaterThanOrEqual(whole.length);
        expect(taken()).toBeLessThanOrEqual(Math.max(1024, 2 * whole.length));
        expect(buffer.take().equals(whole)).toBe(true);
        expect(buffer.length).toBe(0);
      }),
    );
  });

  test("has at most 256 KiB of unused memory", () => {
    const { buffer, taken } = counted();
    for (let count = 0; count < 50; count += 1) buffer.append(Buffer.alloc(65_536, count));
    expect(taken() - buffer.length).toBeLessThan(262_144);
    const whole = buffer.take();
    for (let count = 0; count < 50; count += 1) expect(whole[count * 65_536]).toBe(count);
  });

  test("copies the bytes, so that it does not keep the larger buffer of a chunk in memory", () => {
    const { buffer } = counted();
    const chunk = Buffer.from("abc");
    buffer.append(chunk);
    chunk.fill(0);
    expect(buffer.take().toString()).toBe("abc");
  });

  test("allocates nothing where onGrow throws, and passes the error on", () => {
    const buffer = new BlockBuffer(() => {
      throw new Error("no more");
    });
    expect(() => {
      buffer.append(Buffer.from("a"));
    }).toThrow("no more");
    expect(buffer.length).toBe(0);
  });
});
