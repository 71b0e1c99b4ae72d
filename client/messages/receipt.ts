import { compactVerify, importJWK } from "jose";
import * as z from "zod";
import { thumbprint } from "../attestation/jwk.js";
import { modelSchema } from "../attestation/runtime-data.js";
import type { ServerProof } from "../attestation/verify-server.js";
import { canonicalJson, type Json } from "../canonical-json.js";
import type { Check } from "../check.js";
import { sha256, toHex } from "../encoding.js";
import { quote } from "../policy/wording.js";
import { VerificationError } from "../verification-error.js";

const hash = z.string().regex(/^[0-9a-f]{64}$/u);
const headerSchema = z.strictObject({
  alg: z.literal("ES256"),
  kid: z.string(),
  typ: z.literal("confml-receipt+jwt"),
});
const claimsSchema = z.strictObject({
  request: hash,
  answer: hash,
  model: modelSchema,
  config: hash,
  measurement: z.string(),
  nonce: z.string().optional(),
  iat: z.int().min(0),
});

/** The claims of a receipt: hashes in hexadecimal, `iat` by the clock of the server's host. */
export type ReceiptClaims = z.infer<typeof claimsSchema>;

export interface ReceiptOptions {
  /** Of `verifyServer`, for the attestation of the same boot. */
  proof: Pick<ServerProof, "runtimeData" | "measurement">;
  /** The uploaded file as it was sent: of an encrypted upload, the JWE. */
  request: Uint8Array;
  /** The answer: JSON with or without its receipt and padding, or the text. */
  answer: Uint8Array;
}

export interface VerifiedReceipt {
  claims: ReceiptClaims;
  checks: readonly Check[];
}

/**
 * Verifies that the attested code gave this answer to this request.
 *
 * @param receipt JWS in compact serialization (RFC 7515), ES256
 * @throws VerificationError RECEIPT_INVALID for another signature or form, RECEIPT_MISMATCH where a claim differs
 */
export async function verifyReceipt(
  receipt: string,
  { proof, request, answer }: ReceiptOptions,
): Promise<VerifiedReceipt> {
  const claims = await readSigned(receipt, proof);
  const { model, config } = proof.runtimeData;
  const compare = (name: string, wanted: string, got: string): Check => ({
    name,
    wanted: quote(wanted),
    got: quote(got),
    met: wanted === got,
  });
  const checks = [
    compare("request", toHex(await sha256(request)), claims.request),
    compare("answer", await answerDigest(answer), claims.answer),
    compare("model", canonicalJson(model), canonicalJson(claims.model)),
    compare("config", config, claims.config),
    compare("measurement", proof.measurement, claims.measurement),
  ];
  const failed = checks.filter(({ met }) => !met);
  if (failed.length === 0) return { claims, checks };
  const lines = failed.map(({ name, wanted, got }) => `${name}: expected ${wanted}, got ${got}`);
  throw new VerificationError("RECEIPT_MISMATCH", `the receipt: ${lines.join("; ")}`, { checks });
}

async function readSigned(
  receipt: string,
  { runtimeData: { signing } }: ReceiptOptions["proof"],
): Promise<ReceiptClaims> {
  try {
    const { crv, kty, x, y } = signing;
    const key = await importJWK({ crv, kty, x, y }, "ES256");
    const { payload, protectedHeader } = await compactVerify(receipt, key, {
      algorithms: ["ES256"],
    });
    const { kid } = headerSchema.parse(protectedHeader);
    if (kid !== (await thumbprint(signing))) throw new Error("another kid");
    return claimsSchema.parse(
      JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload)),
    );
  } catch (cause) {
    throw new VerificationError(
      "RECEIPT_INVALID",
      "the receipt: expected one (JWS, ES256) that the attested signing key signed",
      { cause },
    );
  }
}

/**
 * The digest of an answer in receipts: of a JSON object, SHA-256 of its canonical form (RFC 8785) without its member
 * `receipt`; of anything else, SHA-256 of its bytes.
 *
 * @returns hexadecimal
 */
export async function answerDigest(answer: Uint8Array): Promise<string> {
  const json = parseObject(answer);
  if (json === undefined) return toHex(await sha256(answer));
  const members = Object.fromEntries(Object.entries(json).filter(([name]) => name !== "receipt"));
  return toHex(await sha256(new TextEncoder().encode(canonicalJson(members))));
}

function parseObject(bytes: Uint8Array): { readonly [name: string]: Json } | undefined {
  try {
    const json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as Json;
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function isObject(json: Json): json is { readonly [name: string]: Json } {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
