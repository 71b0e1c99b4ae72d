import { ServerError } from "../server-error.js";
import { VerificationError } from "../verification-error.js";

/** The server could not be reached; browsers do not tell a page why. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** What the user gave is missing or of another form. */
export class InputError extends Error {
  override readonly name = "InputError";
}

/** What helps against some of the server's errors. */
const hints: Readonly<Record<string, string>> = {
  ENCRYPTED_IMAGE_REJECTED:
    "The server could not open or read it: most often another key or key name (kid) than the server has, or a file that is no picture it reads.",
  FORMAT_REFUSED: "Choose another way of protection above.",
  IMAGE_UNSUPPORTED:
    "Save it as JPEG, PNG, WebP, AVIF, GIF or TIFF. HEIC, which iPhones write, is not read.",
  IMAGE_TOO_LARGE: "Make the picture smaller.",
  UPLOAD_TOO_LARGE: "Make the picture smaller, or save it as JPEG.",
  NOT_FOUND:
    "This server has no such address: it may be older than this page, or no confml server.",
};

/** Errors in words for people, with the code for those who look it up. */
export function describeError(error: unknown): string {
  if (error instanceof ServerError) {
    const { code, message } = error;
    const hint = Object.hasOwn(hints, code) ? ` ${hints[code] ?? ""}` : "";
    return `The server refused: ${message}.${hint} (${code})`.replace("..", ".");
  }
  if (error instanceof VerificationError) return describeRefusal(error);
  if (error instanceof UnreachableError || error instanceof InputError) return error.message;
  if (!(error instanceof Error)) return "This page has a bug: an error that is none.";
  if (error.name === "AbortError") return "Cancelled.";
  if (error.name === "TimeoutError") return "The server did not answer in time. Try again later.";
  if (error.name === "NotReadableError" || error.name === "NotFoundError") {
    return "The file can no longer be read: it was moved, changed or deleted. Choose it again.";
  }
  if (error instanceof TypeError) {
    return "The connection to the server broke before the whole answer had come. Try again.";
  }
  return `This page has a bug: ${error.message}`;
}

function describeRefusal({ code, message }: VerificationError): string {
  if (code === "POLICY_INVALID")
    return `The policy file cannot be used: ${message}. Nothing was sent. (${code})`;
  if (code === "ANSWER_REJECTED" || code.startsWith("RECEIPT_")) {
    return `The answer is refused, because it does not prove that it is the answer to this picture: ${message}. (${code})`;
  }
  return `Nothing was sent: the server did not prove what your policy requires: ${message}. (${code})`;
}

const claimTitles: Readonly<Record<string, string>> = {
  root: "Manufacturer's root certificate",
  nonce: "Made for this request (nonce)",
  tls: "Key of the TLS connection",
  "x-ms-attestation-type": "Kind of TEE",
  "x-ms-sgx-is-debuggable": "Debugging allowed",
  "x-ms-sgx-mrenclave": "Measurement of the code (MRENCLAVE)",
  "x-ms-sgx-mrsigner": "Signer of the code (MRSIGNER)",
  "x-ms-sgx-product-id": "Product number",
  "x-ms-sgx-svn": "Security version",
  tdx_mrtd: "Measurement of the machine (MRTD)",
  tdx_td_attributes_debug: "Debugging allowed",
  tdx_td_attributes_septve_disable: "Page faults hidden from the host (SEPT_VE_DISABLE)",
  "tcb-status": "State of the processor's firmware",
  "tcb-advisories": "Known weaknesses",
  "tcb-evaluation-data-number": "State of Intel's data",
  "model-sha256": "The model's file (SHA-256)",
  "config-sha256": "The configuration (SHA-256)",
  "max-age": "Age in seconds",
};

/** A claim's name in words; the name itself where there are none. */
export function claimTitle(name: string): string {
  return Object.hasOwn(claimTitles, name) ? (claimTitles[name] ?? name) : name;
}

/** A number of bytes, such as "41.9 MB". */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
