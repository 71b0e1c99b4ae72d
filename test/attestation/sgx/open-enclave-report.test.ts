import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { quoteOf } from "../../../src/attestation/sgx/open-enclave-report.js";
import { bytes, hexVectors } from "../../helpers/vectors.js";

const [recorded = {}] = hexVectors("open-enclave-report.json");
const reportData = bytes(recorded, "reportData");

/** The recorded report; the signature behind what it is over is left out here. */
function report(): Buffer {
  const whole = Buffer.alloc(bytes(recorded, "reportBytes").readUInt16BE());
  bytes(recorded, "head").copy(whole);
  return whole;
}

function changed(change: (report: Buffer) => void): Buffer {
  const made = report();
  change(made);
  return made;
}

describe("a recorded Open Enclave report", () => {
  test("holds the quote that follows its header", () => {
    const quote = quoteOf(report(), reportData);
    expect(quote.length).toBe(report().length - 16);
    expect(quote.readUInt16LE(0)).toBe(3);
    expect(quote.subarray(48 + 64, 48 + 96)).toEqual(bytes(recorded, "mrenclave"));
  });

  test.each<[string, Buffer, RegExp]>([
    ["another version", changed((made) => made.writeUInt32LE(2, 0)), /a report of version 2/u],
    ["a local report's type", changed((made) => made.writeUInt32LE(1, 4)), /type 1, which is no/u],
    ["a size too small", changed((made) => made.writeUInt32LE(4583, 8)), /said to hold 4583/u],
    ["a size beyond 32 bits", changed((made) => made.writeUInt32LE(1, 12)), /said to hold 4294/u],
    ["a quote of version 4", changed((made) => made.writeUInt16LE(4, 16)), /a quote of version 4/u],
    ["one bit of the data changed", changed((made) => made.writeUInt8(0, 384)), /over other data/u],
    ["data behind the data", changed((made) => made.writeUInt8(1, 447)), /over other data/u],
    ["its end missing", report().subarray(0, 447), /a report of 447 bytes/u],
    ["nothing in it", Buffer.alloc(0), /a report of 0 bytes/u],
  ])("is refused with %s", (_what, made, reason) => {
    expect(() => quoteOf(made, reportData)).toThrow(reason);
  });

  test("is refused if its report data is not the requested data", () => {
    expect(() => quoteOf(report(), Buffer.alloc(32, 1))).toThrow(/over other data/u);
    expect(() => quoteOf(report(), reportData.subarray(0, 31))).toThrow(/over other data/u);
  });

  test("is not read from random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), (noise) => {
        expect(() => quoteOf(Buffer.from(noise), reportData)).toThrow(Error);
      }),
    );
  });
});
