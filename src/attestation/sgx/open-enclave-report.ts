/**
 * Open Enclave's `oe_report_header_t`: version, type, size of what follows (`internal/report.h`), and
 * after it an SGX quote, version 3: a header of 48 bytes and an enclave report of 384, whose last 64 are
 * the report data (Intel, "SGX ECDSA Quote Library API", appendix A.4).
 */
const header = { version: 0, type: 4, size: 8, bytes: 16 } as const;
const headerVersion = 1;
/** OE_REPORT_TYPE_SGX_REMOTE */
const remoteType = 2;
const quoteVersion = 3;
const quote = { reportData: 48 + 320, reportDataBytes: 64, signedBytes: 48 + 384 } as const;

/**
 * Extracts the SGX quote from an Open Enclave report, after checking its layout and its report data. The signatures are
 * not checked: the attestation service does that.
 *
 * @param reportData the data that was requested, up to 64 bytes
 * @throws Error saying which check failed
 */
export function quoteOf(report: Buffer, reportData: Uint8Array): Buffer {
  if (report.length < header.bytes + quote.signedBytes) {
    throw new Error(`a report of ${report.length} bytes`);
  }
  const version = report.readUInt32LE(header.version);
  const type = report.readUInt32LE(header.type);
  const size = report.readBigUInt64LE(header.size);
  if (version !== headerVersion) throw new Error(`a report of version ${version}`);
  if (type !== remoteType) throw new Error(`a report of type ${type}, which is no remote one`);
  if (size !== BigInt(report.length - header.bytes)) {
    throw new Error(`a report that is said to hold ${size} bytes and holds ${report.length}`);
  }
  const inner = report.subarray(header.bytes);
  if (inner.readUInt16LE(0) !== quoteVersion) {
    throw new Error(`a quote of version ${inner.readUInt16LE(0)}`);
  }
  const expected = Buffer.alloc(quote.reportDataBytes);
  expected.set(reportData);
  const found = inner.subarray(quote.reportData, quote.reportData + quote.reportDataBytes);
  if (!found.equals(expected)) throw new Error("a quote over other data than was asked for");
  return Buffer.from(inner);
}
