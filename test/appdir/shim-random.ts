import { beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { hasCompiler } from "../helpers/native-library.js";
import { runNode, type Native, type Shim } from "./shim.js";

const whenCompiling = hasCompiler ? describe : describe.skip;

/** appdir/shim/random.c. */
export function testRandom(shim: () => Shim): void {
  describe("random numbers", () => {
    const guard = 0xa5;

    test.each([0, 1, 255, 257, 100_000])("fill %d bytes, all of them and no others", (size) => {
      const fill: Native = shim().ours.func("void arc4random_buf(void *buffer, size_t size)");
      const memory = Buffer.alloc(size + 64, guard);
      const range = memory.subarray(32, 32 + size);
      const isFilled = new Set<number>();
      // A byte may come out as it was, now and then.
      for (let times = 0; times < 16; times++) {
        fill(range, size);
        range.forEach((byte, at) => byte !== guard && isFilled.add(at));
        range.fill(guard);
      }
      expect(isFilled.size).toBe(size);
      fill(range, size);
      expect([...memory.subarray(0, 32), ...memory.subarray(32 + size)]).toEqual(
        Array.from({ length: 64 }, () => guard),
      );
    });

    test("vary in every bit", () => {
      const draw: Native = shim().ours.func("uint32_t arc4random()");
      const drawn = Array.from({ length: 100 }, () => Number(draw()));
      // Of a hundred numbers, two are alike once in a million times.
      expect(new Set(drawn).size).toBeGreaterThan(97);
      for (let bit = 0; bit < 32; bit++) {
        expect(new Set(drawn.map((number) => (number >>> bit) & 1)).size).toBe(2);
      }
    });

    test("are below their bound", () => {
      const draw: Native = shim().ours.func("uint32_t arc4random_uniform(uint32_t bound)");
      const bounds = fc.oneof(
        fc.constantFrom(0, 1, 2, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1),
        fc.nat(100),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      );
      fc.assert(
        fc.property(bounds, (bound) => {
          const number = Number(draw(bound));
          expect(number).toBeGreaterThanOrEqual(0);
          expect(number).toBeLessThan(Math.max(bound, 1));
        }),
        { numRuns: 1000 },
      );
      const ofThree = Array.from({ length: 200 }, () => draw(3));
      expect([...new Set(ofThree)].sort()).toEqual([0, 1, 2]);
      const upperHalf = Array.from({ length: 200 }, () => Number(draw(2 ** 32 - 1)) >= 2 ** 31);
      expect(new Set(upperHalf).size).toBe(2);
    });
  });

  whenCompiling("random numbers, where the kernel gives known bytes", () => {
    let fixture = "";
    /** What a script of a process with the fixture begins with. */
    const beginning = `
    import koffi from "koffi";
    import { writeSync } from "node:fs";
    const here = koffi.load(null);
    const give = here.func("void give(const void *bytes, size_t size, size_t at_once)");
    const left = here.func("size_t bytes_left()");
    const fill = here.func("void arc4random_buf(void *buffer, size_t size)");
    const draw = here.func("uint32_t arc4random()");
    const drawBelow = here.func("uint32_t arc4random_uniform(uint32_t bound)");
  `;

    beforeAll(async () => {
      fixture = await shim().compile("random.c");
    });

    const run = (script: string) => runNode([shim().library, fixture], beginning + script);

    test("are those bytes, however few come at a time and however often it is interrupted", async () => {
      const { stdout } = await run(`
      const bytes = Buffer.from(Array.from({ length: 1004 }, (_, at) => at % 251));
      give(bytes, bytes.length, 7);
      const filled = Buffer.alloc(1000);
      fill(filled, filled.length);
      writeSync(1, JSON.stringify([filled.equals(bytes.subarray(0, 1000)), draw(), left()]));
    `);
      // The bytes 247 to 250.
      expect(JSON.parse(stdout)).toEqual([true, 0xfaf9f8f7, 0]);
    });

    test("below a bound are drawn again where one would come out more often than another", async () => {
      const bounds = [2, 3, 10, 2 ** 31, 2 ** 31 + 1, 3 * 2 ** 30, 2 ** 32 - 1];
      // 2^32 mod bound of the numbers are too many, the least ones.
      const cases = bounds.flatMap((bound) => {
        const tooMany = 2 ** 32 % bound;
        const rejected = tooMany > 0 ? [0, tooMany - 1] : [];
        return [tooMany, 2 ** 32 - 1].map((number) => ({ bound, words: [...rejected, number] }));
      });
      const { stdout } = await run(`
      const cases = ${JSON.stringify(cases)};
      writeSync(1, JSON.stringify(cases.map(({ bound, words }) => {
        const bytes = Buffer.from(Uint32Array.from(words).buffer);
        give(bytes, bytes.length, 4);
        return [drawBelow(bound), left()];
      })));
    `);
      expect(JSON.parse(stdout)).toEqual(
        cases.map(({ bound, words }) => [(words.at(-1) ?? 0) % bound, 0]),
      );
    });

    test.each(["fill(Buffer.alloc(5), 5)", "draw()", "drawBelow(3)"])(
      "are none where the kernel has none: %s ends the process",
      async (call) => {
        const { signal, stdout } = await run(`
        give(Buffer.alloc(3), 3, 2);
        writeSync(1, "before");
        ${call};
        writeSync(1, "after");
      `);
        expect({ signal, stdout }).toEqual({ signal: "SIGABRT", stdout: "before" });
      },
    );
  });
}
