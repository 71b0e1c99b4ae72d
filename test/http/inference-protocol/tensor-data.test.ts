import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { isPlainEnough } from "../../../src/http/inference-protocol/json-outline.js";
import {
  decodeBase64,
  readBinaryElements,
  readBinaryFloats,
  readJsonElements,
  readJsonFloats,
} from "../../../src/http/inference-protocol/tensor-data.js";
import { elements, floatBytes } from "../../helpers/infer.js";

const malformed = expect.objectContaining({ code: "UPLOAD_MALFORMED" });
const finite = fc.float({ noNaN: true, noDefaultInfinity: true });
/** One to three pictures of the same one to nine numbers. */
const pictures = fc.integer({ min: 1, max: 9 }).chain((size) =>
  fc.array(fc.array(finite, { minLength: size, maxLength: size }), {
    minLength: 1,
    maxLength: 3,
  }),
);
const toArrays = (floats: Float32Array[]): number[][] => floats.map((one) => [...one]);

describe("FP32 data", () => {
  test("is read back as it was written, binary, flat and nested", () => {
    fc.assert(
      fc.property(pictures, (written) => {
        const size = written[0]?.length ?? 0;
        const count = written.length;
        expect(toArrays(readBinaryFloats(floatBytes(written.flat()), count, size))).toEqual(
          written,
        );
        expect(toArrays(readJsonFloats(written.flat(), [count, size]))).toEqual(written);
        expect(toArrays(readJsonFloats(written, [count, size]))).toEqual(written);
      }),
    );
  });

  test("gives each picture a buffer of its own, because the classifier takes them over", () => {
    const binary = readBinaryFloats(floatBytes([1, 2, 3, 4]), 2, 2);
    for (const read of [binary, readJsonFloats([1, 2, 3, 4], [2, 2])]) {
      expect(read.map(({ buffer }) => buffer.byteLength)).toEqual([8, 8]);
    }
  });

  test("of another length is refused, whatever the difference", () => {
    fc.assert(
      fc.property(pictures, fc.integer({ min: 1, max: 40 }), (written, difference) => {
        const bytes = floatBytes(written.flat());
        const size = written[0]?.length ?? 0;
        const shorter = bytes.subarray(0, Math.max(0, bytes.length - difference));
        for (const other of [shorter, Buffer.concat([bytes, Buffer.alloc(difference)])]) {
          expect(() => readBinaryFloats(other, written.length, size)).toThrow(malformed);
        }
        const more = [...written.flat(), ...Array<number>(difference).fill(0)];
        expect(() => readJsonFloats(more, [written.length, size])).toThrow(malformed);
      }),
    );
  });

  test.each([NaN, Infinity, -Infinity, 1e39, -3.5e38])("of %s is refused", (value) => {
    for (const at of [0, 3]) {
      const numbers = [1, 2, 3, 4].with(at, value);
      expect(() => readJsonFloats(numbers, [2, 2])).toThrow(malformed);
      expect(() => readBinaryFloats(floatBytes(numbers), 2, 2)).toThrow(malformed);
    }
  });

  test.each([
    ["null", [1, null]],
    ["a string", [1, "2"]],
    ["a boolean", [true, 2]],
    ["an object", [{}, 2]],
    ["a list among numbers", [1, [2]]],
    ["a number among lists", [[1], 2]],
    ["rows of other lengths", [[1, 2], []]],
    ["a deeper nesting", [[[1]], [[2]]]],
    ["nothing", []],
  ])("with %s is refused", (_name, data) => {
    for (const shape of [
      [2, 1],
      [1, 2],
    ]) {
      expect(() => readJsonFloats(data, shape)).toThrow(malformed);
    }
  });
});

describe("BYTES data", () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1, maxLength: 4 });

  test("is read back as it was written", () => {
    fc.assert(
      fc.property(parts, (written) => {
        const read = readBinaryElements(elements(...written), written.length);
        expect(read.map((part) => [...part])).toEqual(written.map((part) => [...part]));
      }),
    );
    expect(readJsonElements(["a", "b"], [2])).toEqual(["a", "b"]);
    expect(readJsonElements([["a"], ["b"]], [2, 1])).toEqual(["a", "b"]);
  });

  test("of another number of elements is refused", () => {
    fc.assert(
      fc.property(parts, fc.integer({ min: -3, max: 3 }), (written, difference) => {
        fc.pre(difference !== 0);
        const read = (): Buffer[] =>
          readBinaryElements(elements(...written), written.length + difference);
        expect(read).toThrow(malformed);
      }),
    );
  });

  test("with one byte changed, added or taken away never gives more bytes than there are", () => {
    const whole = elements(Buffer.from("first"), Buffer.alloc(0), Buffer.from("third"));
    for (let at = 0; at < whole.length; at += 1) {
      for (const byte of [0, 1, 0x7f, 0xff]) {
        const altered = Buffer.from(whole);
        altered[at] = byte;
        const before = whole.subarray(0, at);
        for (const data of [altered, before, Buffer.concat([before, whole.subarray(at + 1)])]) {
          const total = (): number =>
            readBinaryElements(data, 3).reduce((sum, part) => sum + 4 + part.length, 0);
          try {
            expect(total()).toBe(data.length);
          } catch (error) {
            expect(error).toEqual(malformed);
          }
        }
      }
    }
    expect(() => readBinaryElements(Buffer.concat([whole, Buffer.alloc(1)]), 3)).toThrow(malformed);
  });

  test.each([
    ["a number", ["a", 1]],
    ["too few strings", ["a"]],
    ["a string in a list", ["a", ["b"]]],
  ])("with %s is refused", (_name, data) => {
    expect(() => readJsonElements(data, [2])).toThrow(malformed);
  });
});

test("base64 is read with its padding, and refused in every other spelling", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect([...decodeBase64(Buffer.from(bytes).toString("base64"))]).toEqual([...bytes]);
    }),
  );
  for (const text of ["A", "AA", "AAA", "AA==\n", " AAAA", "AAAA=", "_-AA", "AB==", "data:,AAAA"]) {
    expect(() => decodeBase64(text)).toThrow(malformed);
  }
});

describe("the outline of JSON", () => {
  test("does not count what stands in strings", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "binary", maxLength: 12 }), { maxLength: 12 }),
        (texts) => {
          const json = JSON.stringify({ texts, tricky: '\\"[{:,\\' });
          expect(isPlainEnough(Buffer.from(json), 20)).toBe(true);
        },
      ),
    );
  });

  test.each([
    ["too many values", "[0,0,0]".replace("0,", "0,".repeat(300))],
    ["too many members", `{${'"a":0,'.repeat(201)}"b":0}`],
    ["too many lists", "[],".repeat(65_537)],
    ["too deep a nesting", "[".repeat(17)],
    [
      "many values behind a string that does not end in an escaped quote",
      `"\\\\",${"0,".repeat(300)}`,
    ],
  ])("finds %s", (_name, json) => {
    expect(isPlainEnough(Buffer.from(json), 10)).toBe(false);
  });
});
