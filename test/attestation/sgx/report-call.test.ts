import { describe, expect, test } from "@jest/globals";
import {
  freeCallAddress,
  hasReport,
  reportCallBytes,
  reportPlace,
  writeReportCall,
} from "../../../src/attestation/sgx/report-call.js";

const address = 0x7f00_1122_3344_5000n;
const reportData = Uint8Array.from({ length: 32 }, (_, index) => 255 - index);

function written(data = reportData): DataView {
  const block = new DataView(new ArrayBuffer(reportCallBytes));
  writeReportCall(block, address, data);
  return block;
}

function word(block: DataView, index: number): bigint {
  return block.getBigUint64(index * 8, true);
}

/** As the call leaves it. */
function answered(buffer: bigint, size: bigint): DataView {
  const block = written();
  block.setBigUint64(Number(word(block, 5) - address), buffer, true);
  block.setBigUint64(Number(word(block, 6) - address), size, true);
  return block;
}

describe("the call for a report", () => {
  test("has its seven words in oe_get_report_v2's order", () => {
    const words = Array.from({ length: 7 }, (_, index) => word(written(), index));
    expect(words).toEqual([1n, address + 56n, 64n, 0n, 0n, address + 120n, address + 128n]);
  });

  test("points to the data, padded with zeros to 64 bytes", () => {
    const block = written();
    const data = new Uint8Array(block.buffer, Number(word(block, 1) - address), 64);
    expect(data).toEqual(Uint8Array.of(...reportData, ...new Uint8Array(32)));
  });

  test("accepts at most 64 bytes of data, and overwrites nothing else", () => {
    const block = written(new Uint8Array(64).fill(255));
    expect(hasReport(block)).toBe(false);
    expect(word(block, 6)).toBe(address + 128n);
    expect(() => written(new Uint8Array(65))).toThrow(/65 bytes of report data/u);
  });

  test("finds the report where the call says it is", () => {
    const block = answered(0xffff_ffff_0000n, 4600n);
    expect(hasReport(block)).toBe(true);
    expect(reportPlace(block)).toEqual({ address: 0xffff_ffff_0000n, length: 4600 });
    expect(word(block, Number(freeCallAddress(address) - address) / 8)).toBe(0xffff_ffff_0000n);
  });

  test.each([
    ["no address", 0n, 4600n, /no report/u],
    ["no bytes", 16n, 0n, /a report of 0 bytes/u],
    ["more than any quote", 16n, 65_537n, /a report of 65537 bytes/u],
    ["a size beyond all memory", 16n, 2n ** 64n - 1n, /a report of 18446744073709551615 bytes/u],
  ])("refuses a result with %s", (_what, buffer, size, reason) => {
    expect(() => reportPlace(answered(buffer, size))).toThrow(reason);
  });
});
