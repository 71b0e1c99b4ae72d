import { createHash } from "node:crypto";
import { canonicalJson, type Json } from "../../crypto/canonical-json.js";
import type { ServerFacts } from "./runtime-data.js";

/** The `typ` of receipts, which no other signed JSON has. */
const receiptType = "confml-receipt+jwt";

/** What a receipt says of one request and its answer. */
export interface ReceiptSubject {
  /** SHA-256 of the uploaded file as it came, in hexadecimal. */
  request: string;
  /** `digestOfJson` or `digestOfText`. */
  answer: string;
  /** Of `Accept-Receipt`. */
  nonce: string | undefined;
  /** MRENCLAVE, in hexadecimal. */
  measurement: string;
}

/**
 * Signs a receipt with the attested signing key: JWS compact, `ES256`. Its time is the clock of the host.
 *
 * @returns text whose length depends on the model's name and version and the nonce alone
 */
export async function signReceipt(
  { keys, model, config }: ServerFacts,
  { request, answer, nonce, measurement }: ReceiptSubject,
): Promise<string> {
  const { name, version, sha256 } = model;
  return keys.signing.sign(receiptType, {
    request,
    answer,
    model: { name, version, sha256 },
    config,
    measurement,
    ...(nonce === undefined ? {} : { nonce }),
    iat: Math.floor(Date.now() / 1000),
  });
}

/** The digest of a JSON answer without its member `receipt`: SHA-256 of its canonical form, in hexadecimal. */
export function digestOfJson(answer: Json): string {
  return digestOfText(canonicalJson(answer));
}

/** The digest of a text answer: SHA-256 of its bytes in UTF-8, in hexadecimal. */
export function digestOfText(answer: string): string {
  return createHash("sha256").update(answer).digest("hex");
}
