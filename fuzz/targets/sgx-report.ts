import assert from "node:assert/strict";
import { z } from "zod";
import { quoteOf } from "../../src/attestation/sgx/open-enclave-report.js";
import { hasReport, reportCallBytes, reportPlace } from "../../src/attestation/sgx/report-call.js";
import { projectFile } from "../project.js";
import { attempt, isPlainError } from "../refusal.js";
import type { Target } from "../target.js";

const headerBytes = 16;
const recorded = z
  .object({
    cases: z.tuple([z.object({ head: z.hex(), reportBytes: z.hex(), reportData: z.hex() })]),
  })
  .parse(JSON.parse(projectFile("test/vectors/open-enclave-report.json").toString())).cases[0];
const reportData = Buffer.from(recorded.reportData, "hex");

/** Open Enclave's reports, and the memory block that Mystikos' system call fills in. */
export const sgxReport: Target = {
  name: "sgx-report",
  parsers: ["src/attestation/sgx/open-enclave-report.ts", "src/attestation/sgx/report-call.ts"],
  mutation: "bytes",
  maxBytes: 8192,
  prepare() {
    const whole = Buffer.alloc(Buffer.from(recorded.reportBytes, "hex").readUInt16BE());
    whole.set(Buffer.from(recorded.head, "hex"));
    const call = Buffer.alloc(reportCallBytes);
    call.set([0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x12], 120);
    return Promise.resolve({ seeds: [whole, call], check });
  },
};

async function check(input: Uint8Array): Promise<string> {
  const report = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  const quote = await attempt(() => quoteOf(report, reportData), isPlainError);
  if ("value" in quote) {
    assert.deepEqual(quote.value, report.subarray(headerBytes));
    assert(quote.value.includes(reportData), "a quote without the data");
    return "a quote";
  }
  if (input.length !== reportCallBytes) return quote.refusal.message;
  const block = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const place = await attempt(() => reportPlace(block), isPlainError);
  if ("refusal" in place) return place.refusal.message;
  assert(hasReport(block) && place.value.length > 0 && place.value.length <= 65_536);
  return "a report";
}
