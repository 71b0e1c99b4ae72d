import { NativeMemory, copyFrom } from "../../native/memory.js";

/**
 * The arguments of Open Enclave's `oe_get_report_v2`, as Mystikos' system call takes them: a pointer to
 * seven words (`tools/myst/enc/enc.c`; `libs/liboehelpers`). Everything that they point to lies behind
 * them in the same block:
 *
 *     0  flags · &report_data · 64 · opt_params · its size · &buffer · &buffer_size
 *    56  report_data[64]
 *   120  buffer (set by the call)
 *   128  buffer_size (set by the call)
 */
const layout = { reportData: 56, buffer: 120, bufferSize: 128, size: 136 } as const;
const words = { flags: 0, reportData: 8, reportDataSize: 16, buffer: 40, bufferSize: 48 } as const;

/** OE_REPORT_FLAGS_REMOTE_ATTESTATION: a quote, not a report for another enclave of this machine. */
const remoteAttestation = 1n;
/** `sgx_report_data_t`; what is shorter than that, the hardware fills up with zeros. */
const reportDataBytes = 64;
/** Larger than any quote with its certificates. */
const largestReportBytes = 65_536n;

/** One call's arguments, in C's memory. */
export class ReportCall {
  readonly #memory: NativeMemory;

  private constructor(memory: NativeMemory) {
    this.#memory = memory;
  }

  /** @param reportData up to 64 bytes */
  static async prepare(reportData: Uint8Array): Promise<ReportCall> {
    if (reportData.length > reportDataBytes) {
      throw new Error(`${reportData.length} bytes of report data`);
    }
    const memory = await NativeMemory.allocate(layout.size);
    const { address, bytes } = memory;
    reportData.forEach((byte, index) => {
      bytes.setUint8(layout.reportData + index, byte);
    });
    memory.writeWord(words.flags, remoteAttestation);
    memory.writeWord(words.reportData, address + BigInt(layout.reportData));
    memory.writeWord(words.reportDataSize, BigInt(reportDataBytes));
    memory.writeWord(words.buffer, address + BigInt(layout.buffer));
    memory.writeWord(words.bufferSize, address + BigInt(layout.bufferSize));
    return new ReportCall(memory);
  }

  /** What the system call takes. */
  get address(): bigint {
    return this.#memory.address;
  }

  /** What the system call that frees the report takes: a pointer to the report's address. */
  get reportReference(): bigint {
    return this.#memory.address + BigInt(layout.buffer);
  }

  get hasReport(): boolean {
    return this.#memory.readWord(layout.buffer) !== 0n;
  }

  /** @throws Error where no report came, or one of an impossible size */
  async copyReport(): Promise<Buffer> {
    const size = this.#memory.readWord(layout.bufferSize);
    if (!this.hasReport) throw new Error("no report, though the call succeeded");
    if (size === 0n || size > largestReportBytes) throw new Error(`a report of ${size} bytes`);
    return copyFrom(this.#memory.readWord(layout.buffer), Number(size));
  }

  free(): void {
    this.#memory.free();
  }
}
