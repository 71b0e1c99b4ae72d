import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { koffi, type Native, type Shim } from "./shim.js";

/** appdir/shim/sort.c. */
export function testSort(shim: () => Shim): void {
  describe("qsort_r", () => {
    /** Compares by so many bytes of the elements, and returns the result with the number of comparisons. */
    function sort(elements: readonly Uint8Array[], size: number, keyBytes: number) {
      const guard = Buffer.alloc(32, 0xa5);
      const memory = Buffer.concat([guard, ...elements, guard]);
      const range = memory.subarray(guard.length, memory.length - guard.length);
      const start = koffi.address(memory) + BigInt(guard.length);
      const argument = koffi.address(guard);
      let comparisons = 0;
      // Told afterwards: an exception in the comparison would have to pass through C.
      let isRight = true;
      const key = (address: bigint): Buffer => {
        const at = Number(address - start);
        if (at % size !== 0 || at < 0 || at >= range.length) isRight = false;
        return range.subarray(at, at + keyBytes);
      };
      const compare = (left: bigint, right: bigint, passed: bigint): number => {
        comparisons++;
        if (passed !== argument) isRight = false;
        return Buffer.compare(key(left), key(right)) * 1000;
      };
      const pointer = koffi.pointer(koffi.proto("int", ["void *", "void *", "void *"]));
      const call: Native = shim().ours.func("qsort_r", "void", [
        ...["void *", "size_t", "size_t"],
        ...[pointer, "void *"],
      ]);
      call(range, elements.length, size, compare, argument);
      expect(isRight).toBe(true);
      expect([memory.subarray(0, 32), memory.subarray(-32)]).toEqual([guard, guard]);
      const sorted = elements.map((_, at) => range.subarray(at * size, (at + 1) * size));
      return { sorted: sorted.map(hex), comparisons };
    }
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

    test.each([1, 4, 8, 40])("sorts elements of %d bytes, none of them lost", (size) => {
      // Few values, so that some elements are alike.
      const element = fc.uint8Array({ minLength: size, maxLength: size, max: 3 });
      fc.assert(
        fc.property(fc.array(element, { maxLength: 200 }), (elements) => {
          const expected = elements.map(hex).sort();
          expect(sort(elements, size, size).sorted).toEqual(expected);
          const { sorted } = sort(elements, size, 1);
          const keys = sorted.map((text) => text.slice(0, 2));
          expect(keys).toEqual(expected.map((text) => text.slice(0, 2)));
          expect(sorted.sort()).toEqual(expected);
        }),
        { numRuns: 40 },
      );
    });

    const ascending = Array.from({ length: 5000 }, (_, at) => {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt32BE(at * 7);
      return bytes;
    });

    test.each([
      ["sorted", ascending],
      ["reversed", ascending.toReversed()],
      ["alike", ascending.map(() => Buffer.alloc(8, 9))],
    ])("sorts 5,000 elements that are %s with few comparisons", (_, elements) => {
      const { sorted, comparisons } = sort(elements, 8, 8);
      expect(sorted).toEqual(elements.map(hex).sort());
      expect(comparisons).toBeLessThan(2 * 5000 * Math.log2(5000));
    });
  });
}
