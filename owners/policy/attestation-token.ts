import { z } from "zod";
import type { Claims } from "../../client/policy/evaluate.js";

/** A token whose signature was not checked: its claims prove nothing. */
export interface UnverifiedToken {
  claims: Claims;
  /** The claims `exp` and `nbf` (RFC 7519, section 4.1); undefined where they are missing or not a time. */
  expiresAt: Date | undefined;
  notBefore: Date | undefined;
}

const payloadSchema = z.record(z.string(), z.unknown());
/** The range of Date, in seconds (ECMA-262, section 21.4.1.1). */
const secondsSchema = z.number().min(-8.64e12).max(8.64e12);

/**
 * Reads an attestation token, a JWT in compact serialization (RFC 7519), without checking its signature; or its claims
 * alone, a JSON object, which a server logs when a vault refuses it a key.
 *
 * @throws Error where it is neither; the message does not contain the token
 */
export function readUnverifiedToken(text: string): UnverifiedToken {
  const claims = text.trimStart().startsWith("{")
    ? readClaims(Buffer.from(text, "latin1"), "not claims: expected a JSON object")
    : readPayload(text);
  return { claims, expiresAt: toDate(claims["exp"]), notBefore: toDate(claims["nbf"]) };
}

function readPayload(text: string): Claims {
  const [, payload, signature, ...others] = text.trim().split(".");
  if (payload === undefined || signature === undefined || others.length > 0) {
    throw new Error("not a JWT: expected three parts with dots between them");
  }
  return readClaims(
    Buffer.from(payload, "base64url"),
    "not a JWT: its second part is not the base64url of a JSON object",
  );
}

function readClaims(bytes: Uint8Array, complaint: string): Claims {
  try {
    return payloadSchema.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch {
    throw new Error(complaint);
  }
}

function toDate(seconds: unknown): Date | undefined {
  const parsed = secondsSchema.safeParse(seconds);
  return parsed.success ? new Date(parsed.data * 1000) : undefined;
}
