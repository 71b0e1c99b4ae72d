import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { SgxEvidenceProvider } from "../../../src/attestation/sgx/provider.js";
import { NativeLibrary } from "../../../src/native/library.js";
import { compileLibrary, hasCompiler } from "../../helpers/native-library.js";
import { bytes, hexVectors } from "../../helpers/vectors.js";

const [recorded = {}] = hexVectors("open-enclave-report.json");
const head = bytes(recorded, "head");
const reportBytes = bytes(recorded, "reportBytes").readUInt16BE();
const reportData = Buffer.from(Array.from({ length: 32 }, (_, index) => 200 - index));

let folder = "";
let count = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-sgx-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** A C library whose `syscall` is that of Mystikos on SGX. */
async function kernel(macros: Record<string, string | number> = {}): Promise<string> {
  count += 1;
  const path = join(folder, `libkernel-${process.pid}-${count}.so`);
  await compileLibrary("mystikos-syscall.c", path, {
    HEAD: `{${[...head].join(",")}}`,
    REPORT_BYTES: reportBytes,
    ...macros,
  });
  return path;
}

async function reportsNotFreed(path: string): Promise<unknown> {
  return (await NativeLibrary.open([path])).bind("int reports_not_freed()")();
}

const whenCompiling = hasCompiler ? describe : describe.skip;

whenCompiling("SGX evidence", () => {
  test("is the quote over the requested data, and the report is freed", async () => {
    const library = await kernel();
    const evidence = await new SgxEvidenceProvider({ library }).collect(reportData);
    const expected = Buffer.alloc(reportBytes);
    head.copy(expected);
    expected.fill(0, 384, 448);
    reportData.copy(expected, 384);
    expect(evidence).toEqual({
      type: "SgxEnclave",
      fields: { quote: expected.subarray(16) },
    });
    expect(await reportsNotFreed(library)).toBe(0);
  });

  test.each<[string, Record<string, number>, RegExp]>([
    [
      "the kernel has no such call",
      { KERNEL_ERROR: 38 },
      /no such call here: not inside Mystikos/u,
    ],
    ["the kernel refuses its arguments", { KERNEL_ERROR: 22 }, /no such call here/u],
    ["the enclave refuses", { ENCLAVE_ERROR: 23 }, /Open Enclave's error 23/u],
    ["no report comes", { NO_REPORT: 1 }, /no report, though the call succeeded/u],
    ["a report of no bytes comes", { SIZE: 0 }, /a report of 0 bytes/u],
    ["a report of 15 bytes comes", { SIZE: 15 }, /a report of 15 bytes/u],
    ["a report of a gigabyte is said to have come", { SIZE: 2 ** 30 }, /a report of 1073741824/u],
    ["a report of another size than its header's comes", { SIZE: 4599 }, /said to hold 4584/u],
    ["the report's version is another", { SPOIL: 0 }, /a report of version 0/u],
    ["the report is over other data", { SPOIL: 390 }, /over other data/u],
  ])("fails with the reason where %s, and frees its memory", async (_what, macros, reason) => {
    const library = await kernel(macros);
    const attempt = new SgxEvidenceProvider({ library }).collect(reportData);
    await expect(attempt).rejects.toMatchObject({ code: "EVIDENCE_UNAVAILABLE" });
    await expect(attempt).rejects.toThrow(reason);
    expect(await reportsNotFreed(library)).toBe(0);
  });

  test("fails with that reason in Mystikos without SGX", async () => {
    const library = await kernel({ KERNEL_ERROR: 22 });
    const provider = new SgxEvidenceProvider({ library, kernel: "Mystikos 1.0.0" });
    await expect(provider.collect(reportData)).rejects.toThrow(
      /Mystikos without SGX \(its Linux target\)/u,
    );
  });

  test("is not requested for more than 64 bytes of data", async () => {
    const provider = new SgxEvidenceProvider({ library: await kernel() });
    await expect(provider.collect(Buffer.alloc(65))).rejects.toThrow(/65 bytes of report data/u);
  });
});

test("SGX evidence on this machine, which is not inside Mystikos, fails with that reason", async () => {
  await expect(new SgxEvidenceProvider().collect(reportData)).rejects.toMatchObject({
    code: "EVIDENCE_UNAVAILABLE",
    message: expect.stringMatching(/getting an SGX quote.*not inside Mystikos/u),
  });
});
