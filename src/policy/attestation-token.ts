import { z } from "zod";
import type { Claims } from "./evaluate.js";

export interface UnverifiedToken {
  claims: Claims;
  /** What the token says of its own time (RFC 7519, section 4.1); undefined where it says nothing. */
  expiresAt: Date | undefined;
  notBefore: Date | undefined;
}

const payloadSchema = z.record(z.string(), z.unknown());
/** As far as a Date reaches. */
const secondsSchema = z.number().min(-8.64e12).max(8.64e12);

/**
 * Reads an attestation token, a JWT, without checking its signature; or its claims alone, a JSON object, as a server
 * logs them that did not get a key.
 *
 * @throws Error that does not repeat the token
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
