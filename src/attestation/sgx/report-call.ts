/**
 * The arguments of Open Enclave's `oe_get_report_v2`, as Mystikos' system call takes them: a pointer to seven words
 * (`tools/myst/enc/enc.c`; `libs/liboehelpers`). The memory that they point to follows them in the same block:
 *
 *     0  flags · &report_data · 64 · opt_params · its size · &buffer · &buffer_size
 *    56  report_data[64]
 *   120  buffer (set by the call)
 *   128  buffer_size (set by the call)
 *
 * All words are little-endian and have 64 bits, because SGX exists on x86-64 only.
 */
const layout = { reportData: 56, buffer: 120, bufferSize: 128 } as const;
const words = { flags: 0, reportData: 8, reportDataSize: 16, buffer: 40, bufferSize: 48 } as const;

/** The size of the block, in bytes. */
export const reportCallBytes = 136;

/** OE_REPORT_FLAGS_REMOTE_ATTESTATION: a quote, not a report for another enclave on this machine. */
const remoteAttestation = 1n;
/**
 * The size of `sgx_report_data_t`. Open Enclave pads shorter data with zeros (`sgx_create_report` in
 * `enclave/core/sgx/report.c`). All 64 bytes are passed, so that the signed data does not depend on that.
 */
const reportDataBytes = 64;
/** A limit that no quote with its certificates reaches. */
const largestReportBytes = 65_536n;

/**
 * Writes the call's arguments. opt_params stays NULL, which remote attestation requires.
 *
 * @param block zeroed memory of `reportCallBytes`
 * @param address the block's address
 * @param reportData up to 64 bytes
 * @throws Error for longer report data
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

/** Whether the call made a report, which must then be freed. */
export function hasReport(block: DataView): boolean {
  return block.getBigUint64(layout.buffer, true) !== 0n;
}

/**
 * Reads where the call put its report.
 *
 * @returns the report's address, and its length in bytes
 * @throws Error if there is no report, or its length is 0 or over the limit
 */
export function reportPlace(block: DataView): { address: bigint; length: number } {
  const address = block.getBigUint64(layout.buffer, true);
  const length = block.getBigUint64(layout.bufferSize, true);
  if (address === 0n) throw new Error("no report, though the call succeeded");
  if (length === 0n || length > largestReportBytes) throw new Error(`a report of ${length} bytes`);
  return { address, length: Number(length) };
}

/** The argument of the system call that frees the report: the address of the word with the report's address. */
export function freeCallAddress(address: bigint): bigint {
  return address + BigInt(layout.buffer);
}
