import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Message, readFields, readPackedVarints, wireTypes } from "../../src/onnx/wire.js";

const fieldNumber = fc.integer({ min: 1, max: 2 ** 29 - 1 });
const anyField = fc.oneof(
  fc.record({ number: fieldNumber, value: fc.maxSafeInteger() }),
  fc.record({ number: fieldNumber, bytes: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ number: fieldNumber, float: fc.float({ noNaN: true }) }),
);
const message = fc.array(anyField, { maxLength: 20 });

type AnyField = typeof anyField extends fc.Arbitrary<infer T> ? T : never;

function write(content: readonly AnyField[]): Uint8Array {
  const written = new Message();
  for (const field of content) {
    if ("value" in field) written.number(field.number, field.value);
    else if ("bytes" in field) written.bytes(field.number, field.bytes);
    else written.float(field.number, field.float);
  }
  return written.encode();
}

describe("a message that was written", () => {
  test("is read back, negative numbers included", () => {
    fc.assert(
      fc.property(message, (content) => {
        const read = [...readFields(write(content))];
        expect(read.map(({ number }) => number)).toEqual(content.map(({ number }) => number));
        content.forEach((field, index) => {
          const { value, content: bytes } = read[index] ?? { value: NaN, content: Buffer.alloc(0) };
          if ("value" in field) expect(value).toBe(field.value === 0 ? 0 : field.value);
          else if ("bytes" in field) expect(Buffer.from(bytes)).toEqual(Buffer.from(field.bytes));
          else expect(Buffer.from(bytes).readFloatLE()).toBe(field.float);
        });
      }),
    );
  });

  test("is reproduced from the encoded fields", () => {
    fc.assert(
      fc.property(message, (content) => {
        const bytes = write(content);
        const again = new Message();
        for (const { encoded } of readFields(bytes)) again.raw(encoded);
        expect(Buffer.from(again.encode())).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test("is refused or has fewer fields if it is truncated", () => {
    fc.assert(
      fc.property(message, fc.nat(), (content, cut) => {
        const bytes = write(content);
        if (bytes.length === 0) return;
        try {
          const read = [...readFields(bytes.subarray(0, cut % bytes.length))];
          expect(read.length).toBeLessThan(content.length);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });

  // https://protobuf.dev/programming-guides/encoding/
  test("equals the examples of Protocol Buffers' documentation", () => {
    const inner = new Message().number(1, 150);
    const hex = (written: Message): string => Buffer.from(written.encode()).toString("hex");
    expect(hex(inner)).toBe("089601");
    expect(hex(new Message().text(2, "testing"))).toBe("120774657374696e67");
    expect(hex(new Message().message(3, inner))).toBe("1a03089601");
    expect(hex(new Message().number(1, -2))).toBe("08feffffffffffffffff01");
    expect(readPackedVarints(Buffer.from("038e029ea705", "hex"))).toEqual([3, 270, 86942]);
  });
});

describe("bytes that are not a message", () => {
  test("yield fields or a RangeError, for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        for (const read of [() => [...readFields(bytes)], () => readPackedVarints(bytes)]) {
          try {
            expect(read().length).toBeLessThanOrEqual(bytes.length);
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["a field without a number", "0001"],
    ["a length beyond the end", "0a05ff"],
    ["a negative length", "0affffffffffffffffff01"],
    ["a group", "0b0c"],
    ["a number of eleven bytes", "08ffffffffffffffffffff01"],
    ["half a number of 64 bits", "0900000000"],
  ])("such as %s are refused", (_what, hex) => {
    expect(() => [...readFields(Buffer.from(hex, "hex"))]).toThrow(RangeError);
  });
});

test("numbers of 64 bits keep their sign", () => {
  const [field] = readFields(new Message().number(1, -1).encode());
  expect(field).toMatchObject({ value: -1, wireType: wireTypes.varint });
});
