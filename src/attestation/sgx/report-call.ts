/**
 * The arguments of Open Enclave's `oe_get_report_v2`, as Mystikos' system call takes them: a pointer to
 * seven words (`tools/myst/enc/enc.c`; `libs/liboehelpers`). Everything that they point to lies behind
 * them in the same block:
 *
 *     0  flags · &report_data · 64 · opt_params · its size · &buffer · &buffer_size
 *    56  report_data[64]
 *   120  buffer (set by the call)
 *   128  buffer_size (set by the call)
 *
 * All of them are little-endian words of 64 bits: SGX is there on x86-64 alone.
 */
const layout = { reportData: 56, buffer: 120, bufferSize: 128 } as const;
const words = { flags: 0, reportData: 8, reportDataSize: 16, buffer: 40, bufferSize: 48 } as const;

/** The size of the block. */
export const reportCallBytes = 136;

/** OE_REPORT_FLAGS_REMOTE_ATTESTATION: a quote, not a report for another enclave of this machine. */
const remoteAttestation = 1n;
/**
 * `sgx_report_data_t`. Open Enclave takes less than that too and fills up with zeros (`sgx_create_report`
 * in `enclave/core/sgx/report.c`); given all 64, what is signed is nobody's choice but ours.
 */
const reportDataBytes = 64;
/** Larger than any quote with its certificates. */
const largestReportBytes = 65_536n;

/**
 * Fills in the call's arguments; opt_params stays NULL, as remote attestation wants it.
 *
 * @param block zeroed memory of `reportCallBytes`
 * @param address where C finds the block
 * @param reportData up to 64 bytes
 */
export function writeReportCall(block: DataView, address: bigint, reportData: Uint8Array): void {
  if (reportData.length > reportDataBytes) {
    throw new Error(`${reportData.length} bytes of report data`);
  }
  reportData.forEach((byte, index) => {
    block.setUint8(layout.reportData + index, byte);
  });
  block.setBigUint64(words.flags, remoteAttestation, true);
  block.setBigUint64(words.reportData, address + BigInt(layout.reportData), true);
  block.setBigUint64(words.reportDataSize, BigInt(reportDataBytes), true);
  block.setBigUint64(words.buffer, address + BigInt(layout.buffer), true);
  block.setBigUint64(words.bufferSize, address + BigInt(layout.bufferSize), true);
}

/** Whether the call made a report, which is then to be freed. */
export function hasReport(block: DataView): boolean {
  return block.getBigUint64(layout.buffer, true) !== 0n;
}

/**
 * Where the call put its report.
 *
 * @throws Error where no report came, or one of an impossible size
 */
export function reportPlace(block: DataView): { address: bigint; length: number } {
  const address = block.getBigUint64(layout.buffer, true);
  const length = block.getBigUint64(layout.bufferSize, true);
  if (address === 0n) throw new Error("no report, though the call succeeded");
  if (length === 0n || length > largestReportBytes) throw new Error(`a report of ${length} bytes`);
  return { address, length: Number(length) };
}

/** The argument of the system call that frees the report: where the report's address stands. */
export function freeCallAddress(address: bigint): bigint {
  return address + BigInt(layout.buffer);
}
