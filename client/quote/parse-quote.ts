import { toHex } from "../encoding.js";
import { VerificationError } from "../verification-error.js";
import { ByteReader } from "./byte-reader.js";

/** An SGX enclave's report (Intel SDM, volume 3D, table 38-21). */
export interface EnclaveReport {
  /** 4 bytes */
  miscSelect: Uint8Array;
  /** 16 bytes */
  attributes: Uint8Array;
  /** 32 bytes, as mrsigner */
  mrenclave: Uint8Array;
  mrsigner: Uint8Array;
  productId: number;
  securityVersion: number;
  /** 64 bytes */
  reportData: Uint8Array;
}

/** A trust domain's report (Intel, "TDX DCAP Quoting Library API", appendix A.3.2, TD quote body 1.0). */
export interface TdReport {
  /** 16 bytes; the first two: the TDX module's SVN and version */
  teeTcbSvn: Uint8Array;
  /** 48 bytes, as all other measurements */
  mrSignerSeam: Uint8Array;
  /** 8 bytes, as tdAttributes */
  seamAttributes: Uint8Array;
  tdAttributes: Uint8Array;
  mrtd: Uint8Array;
  mrConfigId: Uint8Array;
  rtmrs: readonly Uint8Array[];
  /** 64 bytes */
  reportData: Uint8Array;
}

/** A quote whose signatures were not checked. */
export interface UnverifiedQuote {
  body: { type: "sgx"; report: EnclaveReport } | { type: "tdx"; report: TdReport };
  /** Header and body, which the attestation key signs. */
  signed: Uint8Array;
  /** r and s, 32 bytes each, as qeReportSignature. */
  signature: Uint8Array;
  /** x and y, 32 bytes each. */
  attestationKey: Uint8Array;
  qeReportBytes: Uint8Array;
  qeReport: EnclaveReport;
  qeReportSignature: Uint8Array;
  qeAuthenticationData: Uint8Array;
  /** PEM: the PCK certificate, its CA, the root. */
  certificateChain: Uint8Array;
}

const header = { ecdsaP256: 2, sgx: 0x00, tdx: 0x81 } as const;
/** The quoting enclave's vendor: Intel (UUID 939a7233-f79c-4ca9-940a-0db3957f0607). */
const intelVendor = "939a7233f79c4ca9940a0db3957f0607";
const certification = { pckChain: 5, qeReport: 6 } as const;
const maxQuoteBytes = 65_536;

/**
 * Reads an SGX quote of version 3 (Intel, "SGX ECDSA Quote Library API", appendix A.4) or a TDX quote of version 4 ("TDX DCAP
 * Quoting Library API", appendix A.3), with the PCK certificate chain in it, to its last byte; zeros
 * may follow.
 *
 * @throws VerificationError QUOTE_MALFORMED, EVIDENCE_UNSUPPORTED
 */
export function parseQuote(quote: Uint8Array): UnverifiedQuote {
  if (quote.length > maxQuoteBytes) {
    throw new VerificationError(
      "QUOTE_MALFORMED",
      `expected a quote of at most ${maxQuoteBytes} bytes, got ${quote.length}`,
    );
  }
  try {
    return readQuote(quote);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new VerificationError(
      "QUOTE_MALFORMED",
      `the quote has no such layout: ${cause.message}`,
      { cause },
    );
  }
}

function readQuote(quote: Uint8Array): UnverifiedQuote {
  const reader = new ByteReader(quote);
  const type = readHeader(reader);
  const body =
    type === "sgx"
      ? { type, report: readEnclaveReport(reader.bytes(384)) }
      : { type, report: readTdReport(reader.bytes(584)) };
  const signed = quote.subarray(0, reader.offset);
  const data = new ByteReader(reader.bytes(reader.uint32()));
  requirePadding(quote.subarray(reader.offset));
  const signature = data.bytes(64);
  const attestationKey = data.bytes(64);
  const qe =
    type === "sgx" ? data : new ByteReader(readCertification(data, certification.qeReport));
  if (qe !== data) data.end();
  const qeReportBytes = qe.bytes(384);
  const qeReportSignature = qe.bytes(64);
  const qeAuthenticationData = qe.bytes(qe.uint16());
  const certificateChain = readCertification(qe, certification.pckChain);
  qe.end();
  const qeReport = readEnclaveReport(qeReportBytes);
  return {
    body,
    signed,
    signature,
    attestationKey,
    qeReportBytes,
    qeReport,
    qeReportSignature,
    qeAuthenticationData,
    certificateChain,
  };
}

/** What quoting libraries return may be longer than the quote. @throws RangeError for anything but zeros */
function requirePadding(bytes: Uint8Array): void {
  if (bytes.some((byte) => byte !== 0)) throw new RangeError("bytes after its end");
}

/** The header's 48 bytes. @returns whose quote it is */
function readHeader(reader: ByteReader): "sgx" | "tdx" {
  const version = reader.uint16();
  const keyType = reader.uint16();
  const tee = reader.uint32();
  // Security versions of the quoting enclave and the PCE: its report and the PCK certificate state them, certified.
  reader.bytes(4);
  const vendor = reader.bytes(16);
  reader.bytes(20);
  const isSgx = version === 3 && tee === header.sgx;
  const isTdx = version === 4 && tee === header.tdx;
  if ((!isSgx && !isTdx) || keyType !== header.ecdsaP256 || toHex(vendor) !== intelVendor) {
    throw new VerificationError(
      "EVIDENCE_UNSUPPORTED",
      `expected an SGX quote of version 3 or a TDX quote of version 4 with ECDSA P-256 by Intel's quoting enclave, ` +
        `got version ${version}, TEE ${tee}, key type ${keyType}, vendor ${toHex(vendor)}`,
    );
  }
  return isSgx ? "sgx" : "tdx";
}

function readCertification(reader: ByteReader, wanted: number): Uint8Array {
  const type = reader.uint16();
  if (type === wanted) return reader.bytes(reader.uint32());
  throw new VerificationError(
    "EVIDENCE_UNSUPPORTED",
    `expected certification data of type ${wanted} in the quote, got type ${type}`,
  );
}

function readEnclaveReport(bytes: Uint8Array): EnclaveReport {
  const reader = new ByteReader(bytes);
  reader.bytes(16); // CPUSVN: the PCK certificate states it
  const miscSelect = reader.bytes(4);
  reader.bytes(28);
  const attributes = reader.bytes(16);
  const mrenclave = reader.bytes(32);
  reader.bytes(32);
  const mrsigner = reader.bytes(32);
  reader.bytes(96);
  const productId = reader.uint16();
  const securityVersion = reader.uint16();
  reader.bytes(60);
  const reportData = reader.bytes(64);
  reader.end();
  return { miscSelect, attributes, mrenclave, mrsigner, productId, securityVersion, reportData };
}

function readTdReport(bytes: Uint8Array): TdReport {
  const reader = new ByteReader(bytes);
  const teeTcbSvn = reader.bytes(16);
  reader.bytes(48); // MRSEAM
  const mrSignerSeam = reader.bytes(48);
  const seamAttributes = reader.bytes(8);
  const tdAttributes = reader.bytes(8);
  reader.bytes(8); // XFAM
  const mrtd = reader.bytes(48);
  const mrConfigId = reader.bytes(48);
  reader.bytes(96); // MROWNER, MROWNERCONFIG
  const rtmrs = [reader.bytes(48), reader.bytes(48), reader.bytes(48), reader.bytes(48)];
  const reportData = reader.bytes(64);
  reader.end();
  return {
    teeTcbSvn,
    mrSignerSeam,
    seamAttributes,
    tdAttributes,
    mrtd,
    mrConfigId,
    rtmrs,
    reportData,
  };
}
