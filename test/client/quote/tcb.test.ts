import { describe, expect, test } from "@jest/globals";
import { parseQuote, type TdReport } from "../../../client/quote/parse-quote.js";
import { converge, reaches, tcbInfoSchema, type TcbStatus } from "../../../client/quote/tcb.js";
import { tdxModuleLevel } from "../../../client/quote/tdx-module.js";
import { recordedQuote, withRecordedQuotes } from "./recorded-quotes.js";

const level = (
  status: TcbStatus,
  ...advisories: string[]
): { status: TcbStatus; advisories: string[] } => ({
  status,
  advisories,
});

describe("converge", () => {
  test.each<[TcbStatus, TcbStatus, TcbStatus]>([
    ["UpToDate", "UpToDate", "UpToDate"],
    ["SWHardeningNeeded", "UpToDate", "SWHardeningNeeded"],
    ["UpToDate", "SWHardeningNeeded", "SWHardeningNeeded"],
    ["UpToDate", "OutOfDate", "OutOfDate"],
    ["SWHardeningNeeded", "OutOfDate", "OutOfDate"],
    ["ConfigurationNeeded", "OutOfDate", "OutOfDateConfigurationNeeded"],
    ["ConfigurationAndSWHardeningNeeded", "OutOfDate", "OutOfDateConfigurationNeeded"],
    ["OutOfDateConfigurationNeeded", "OutOfDate", "OutOfDateConfigurationNeeded"],
    ["ConfigurationNeeded", "SWHardeningNeeded", "ConfigurationAndSWHardeningNeeded"],
    ["UpToDate", "ConfigurationNeeded", "ConfigurationNeeded"],
    ["UpToDate", "Revoked", "Revoked"],
    ["Revoked", "UpToDate", "Revoked"],
  ])("makes of %s and a part that is %s: %s", (platform, part, status) => {
    expect(converge(level(platform, "B"), level(part, "A", "B"))).toEqual(level(status, "A", "B"));
  });
});

test("reaches compares each component, and refuses a level without any", () => {
  const wanted = [{ svn: 2 }, { svn: 3 }];
  expect(reaches([2, 3], wanted)).toBe(true);
  expect(reaches([9, 2], wanted)).toBe(false);
  expect(reaches([2], wanted)).toBe(false);
  expect(reaches([0, 3], wanted, 1)).toBe(true);
  expect(reaches([2, 3], undefined)).toBe(false);
});

withRecordedQuotes("tdxModuleLevel", () => {
  const { quote, collateral } = recordedQuote("tdx");
  const tcbInfo = tcbInfoSchema.parse(JSON.parse(collateral.tcb_info));
  const { body } = parseQuote(quote);
  if (body.type !== "tdx") throw new Error("no TDX quote");
  const { report } = body;
  const at = (svn: number, version: number, change: Partial<TdReport> = {}): TdReport => ({
    ...report,
    teeTcbSvn: Uint8Array.of(svn, version, ...report.teeTcbSvn.subarray(2)),
    ...change,
  });

  test("finds the status of the module's version", () => {
    expect(tdxModuleLevel(at(4, 1), tcbInfo)).toEqual(level("UpToDate"));
    expect(tdxModuleLevel(at(2, 1), tcbInfo)).toEqual(level("OutOfDate"));
    expect(tdxModuleLevel(at(0, 0), tcbInfo)).toEqual(level("UpToDate"));
  });

  test("refuses a module that Intel does not list, or lists with another signer or other attributes", () => {
    for (const [wrong, code] of [
      [at(4, 9), "QUOTING_ENCLAVE_REFUSED"],
      [at(1, 1), "TCB_UNKNOWN"],
      [at(4, 1, { mrSignerSeam: new Uint8Array(48).fill(1) }), "QUOTING_ENCLAVE_REFUSED"],
      [at(4, 1, { seamAttributes: new Uint8Array(8).fill(1) }), "QUOTING_ENCLAVE_REFUSED"],
      [at(0, 0, { mrSignerSeam: new Uint8Array(48).fill(1) }), "QUOTING_ENCLAVE_REFUSED"],
    ] as const) {
      expect(() => tdxModuleLevel(wrong, tcbInfo)).toThrow(expect.objectContaining({ code }));
    }
  });
});
