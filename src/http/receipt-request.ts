import type { Request } from "express";
import { isNonce } from "../attestation/proof/runtime-data.js";
import { RequestError } from "./request-error.js";

/** That the answer is to have a receipt. */
export interface ReceiptRequest {
  /** Repeated in the receipt. */
  nonce: string | undefined;
}

/**
 * Reads the headers that ask for a receipt: `Receipt: true`, or `Accept-Receipt` with a nonce.
 *
 * @returns undefined where there is neither
 * @throws RequestError PARAMETER_INVALID
 */
export function readReceiptRequest({ headers }: Request): ReceiptRequest | undefined {
  const { receipt, "accept-receipt": nonce } = headers;
  if (receipt !== undefined && receipt !== "true") throw invalid("`Receipt: true`");
  if (nonce === undefined) return receipt === undefined ? undefined : { nonce: undefined };
  if (typeof nonce === "string" && isNonce(nonce)) return { nonce };
  throw invalid("`Accept-Receipt` with one nonce of 16 to 64 bytes in base64url without padding");
}

function invalid(expected: string): RequestError {
  return new RequestError("PARAMETER_INVALID", `expected ${expected}`);
}
