import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { koffi, runNode, type Native, type Shim } from "./shim.js";

/** The members of glibc's struct dl_find_object. */
const found = { mapStart: 8, mapEnd: 16, linkMap: 24, ehFrame: 32, bytes: 96 };
const hasFinder = (() => {
  try {
    koffi.load("libc.so.6").symbol("_dl_find_object");
    return true;
  } catch {
    process.stderr.write("skipped: _dl_find_object, which the C library here does not have\n");
    return false;
  }
})();

/** appdir/shim/unwinding.c and context.c. */
export function testUnwinding(shim: () => Shim): void {
  (hasFinder ? describe : describe.skip)("_dl_find_object", () => {
    const look = (address: bigint) => {
      const [ours, libcs] = [shim().ours, shim().libcs].map((library) => {
        const call: Native = library.func("int _dl_find_object(uintptr_t address, void *result)");
        const result = Buffer.alloc(found.bytes, 0xee);
        return { returned: call(address, result), result };
      });
      return { ours, libcs };
    };

    test("finds the object of any address of code that the C library's own finds", () => {
      // A line: START-END r-xp OFFSET DEVICE INODE PATH. A segment's first and last page may hold less
      // than is mapped.
      const segments = [
        ...readFileSync("/proc/self/maps", "utf8").matchAll(
          /^([\da-f]+)-([\da-f]+) r-xp .* (\/.*)$/gmu,
        ),
      ]
        .map(([, start, end, path]) => ({
          start: BigInt(`0x${String(start)}`) + 4096n,
          end: BigInt(`0x${String(end)}`) - 4097n,
          path,
        }))
        .filter(({ start, end }) => start <= end)
        // A file may be mapped without being loaded.
        .filter(({ start }) => look(start).libcs?.returned === 0);
      expect(new Set(segments.map(({ path }) => path)).size).toBeGreaterThan(3);
      const addresses = fc
        .constantFrom(...segments)
        .chain(({ start, end }) => fc.bigInt({ min: start, max: end }));
      fc.assert(
        fc.property(addresses, (address) => {
          const { ours, libcs } = look(address);
          expect([ours?.returned, libcs?.returned]).toEqual([0, 0]);
          const member = (at: number): bigint | undefined => ours?.result.readBigUInt64LE(at);
          expect(member(found.ehFrame)).toBe(libcs?.result.readBigUInt64LE(found.ehFrame));
          expect(member(found.mapStart)).toBeLessThanOrEqual(address);
          expect(member(found.mapEnd)).toBeGreaterThan(address);
          expect(member(found.linkMap)).toBe(0n);
          expect(member(0)).toBe(0n);
        }),
        { numRuns: 300 },
      );
    });

    test("finds nothing on the heap, nor where nothing can be", () => {
      const heap = koffi.address(Buffer.alloc(1_000_000));
      for (const address of [heap, heap + 500_000n, 0n, 1n, (1n << 64n) - 1n]) {
        const { ours, libcs } = look(address);
        expect([ours?.returned, libcs?.returned]).toEqual([-1, -1]);
        expect(ours?.result.every((byte) => byte === 0xee)).toBe(true);
      }
    });

    test.each(["qsort_r", "__libc_single_threaded"])("fills in all of the result: %s", (name) => {
      const { ours, libcs } = look(BigInt(String(shim().ours.symbol(name))));
      expect([ours?.returned, libcs?.returned]).toEqual([0, 0]);
      // Flags, the link map and seven words that are reserved.
      for (const at of [0, 24, 40, 48, 56, 64, 72, 80, 88]) {
        expect(ours?.result.readBigUInt64LE(at)).toBe(0n);
      }
    });
  });

  describe("the C++ run-time with it", () => {
    test("catches exceptions: a model that is none is refused", async () => {
      const script = `
        import { InferenceSession } from "onnxruntime-node";
        const bytes = new TextEncoder().encode("this is no model");
        await InferenceSession.create(bytes).then(
          () => console.log("created"),
          (error) => console.log("rejected:", error.message),
        );
      `;
      const { code, signal, stdout, stderr } = await runNode([shim().library], script);
      expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: "" });
      expect(stdout).toMatch(/^rejected: .*protobuf/iu);
    });

    test("is told that there are threads", () => {
      expect(koffi.decode.char(shim().ours.symbol("__libc_single_threaded"))).toBe(0);
    });
  });

  describe("swapcontext", () => {
    test("fails and leaves both contexts alone", () => {
      const swap: Native = shim().ours.func("int swapcontext(void *from, const void *to)");
      const contexts = [Buffer.alloc(1024), Buffer.alloc(1024)];
      koffi.errno(0);
      expect(swap(...contexts)).toBe(-1);
      expect(koffi.errno()).toBe(constants.errno.ENOSYS);
      expect(Buffer.concat(contexts).every((byte) => byte === 0)).toBe(true);
    });
  });
}
