import { version } from "node:os";
import { UnavailableError, describeCause } from "../../errors.js";
import { NativeLibrary } from "../../native/library.js";
import { NativeMemory, copyFrom } from "../../native/memory.js";
import type { Evidence, EvidenceProvider } from "../evidence.js";
import { quoteOf } from "./open-enclave-report.js";
import {
  freeCallAddress,
  hasReport,
  reportCallBytes,
  reportPlace,
  writeReportCall,
} from "./report-call.js";

/** Numbers of Mystikos' system calls (`include/myst/tee.h`). Linux has no system calls of these numbers. */
const systemCalls = { getReport: 1014, freeReport: 1015 } as const;

export interface SgxProviderOptions {
  /** The path of the library with the function `syscall`; absent: the C library of this process. */
  library?: string;
  /** The kernel's description of itself; absent: that of `os.version()`. */
  kernel?: string;
}

/** Gets SGX quotes through Mystikos' system calls. */
export class SgxEvidenceProvider implements EvidenceProvider {
  readonly #options: SgxProviderOptions;

  constructor(options: SgxProviderOptions = {}) {
    this.#options = options;
  }

  async collect(reportData: Uint8Array): Promise<Evidence> {
    try {
      return { type: "SgxEnclave", fields: { quote: await this.#quote(reportData) } };
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
    const library = await NativeLibrary.open([this.#options.library ?? null]);
    // syscall(2) is variadic in C. On x86-64 its integer arguments are passed in registers all the same.
    const syscall = library.bind("long syscall(long number, void *arguments)");
    const memory = await NativeMemory.allocate(reportCallBytes);
    const { address, bytes: block } = memory;
    try {
      writeReportCall(block, address, reportData);
      const status = await syscall(systemCalls.getReport, address);
      if (status !== 0) throw new Error(this.#describeStatus(status));
      const place = reportPlace(block);
      return quoteOf(await copyFrom(place.address, place.length), reportData);
    } finally {
      if (hasReport(block)) await syscall(systemCalls.freeReport, freeCallAddress(address));
      memory.free();
    }
  }

  /**
   * -1: the kernel does not have the call (ENOSYS in plain Linux, EINVAL in Mystikos' Linux target). In an enclave the
   * result is Open Enclave's, which is positive (`oe_result_t`).
   */
  #describeStatus(status: unknown): string {
    if (status !== -1) return `Open Enclave's error ${String(status)}`;
    const { kernel = version() } = this.#options;
    return kernel.startsWith("Mystikos")
      ? "no such call here: Mystikos without SGX (its Linux target)"
      : "no such call here: not inside Mystikos";
  }
}
