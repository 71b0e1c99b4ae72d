import { version } from "node:os";
import { UnavailableError, describeCause } from "../../errors.js";
import { NativeLibrary, type NativeFunction } from "../../native/library.js";
import type { Evidence, EvidenceProvider } from "../evidence.js";
import { quoteOf } from "./open-enclave-report.js";
import { ReportCall } from "./report-call.js";

/** Mystikos' numbers (`include/myst/tee.h`); no other kernel has system calls of these numbers. */
const systemCalls = { getReport: 1014, freeReport: 1015 } as const;

export interface SgxProviderOptions {
  /** The library that has `syscall`; absent: this process' own C library. */
  library?: string;
}

/** SGX quotes, through Mystikos' system calls. */
export class SgxEvidenceProvider implements EvidenceProvider {
  readonly #library: string | null;

  constructor({ library }: SgxProviderOptions = {}) {
    this.#library = library ?? null;
  }

  async collect(reportData: Uint8Array): Promise<Evidence> {
    try {
      return { type: "SgxEnclave", quote: await this.#quote(reportData) };
    } catch (cause) {
      throw new UnavailableError(
        "EVIDENCE_UNAVAILABLE",
        {
          doing: "getting an SGX quote",
          expected: "one from Mystikos on SGX hardware",
          got: describeCause(cause),
          fix: "Run the server in Mystikos on an SGX machine, or try the demo (make run)",
        },
        { cause },
      );
    }
  }

  async #quote(reportData: Uint8Array): Promise<Buffer> {
    const library = await NativeLibrary.open([this.#library]);
    // Variadic in C; its callers pass integers in registers either way on x86-64.
    const syscall = library.bind("long syscall(long number, void *arguments)");
    const call = await ReportCall.prepare(reportData);
    try {
      const status = await syscall(systemCalls.getReport, call.address);
      if (status !== 0) throw new Error(describeStatus(status));
      return quoteOf(await call.copyReport(), reportData);
    } finally {
      await freeReport(syscall, call);
    }
  }
}

async function freeReport(syscall: NativeFunction, call: ReportCall): Promise<void> {
  if (call.hasReport) await syscall(systemCalls.freeReport, call.reportReference);
  call.free();
}

/** -1 comes from the kernel; Open Enclave's own results (`oe_result_t`) are positive. */
function describeStatus(status: unknown): string {
  if (status !== -1) return `Open Enclave's error ${String(status)}`;
  return version().startsWith("Mystikos")
    ? "no such call here: Mystikos without SGX (its Linux target)"
    : "no such call here: not inside Mystikos";
}
