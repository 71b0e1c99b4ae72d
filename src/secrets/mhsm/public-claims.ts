import { decodeJwt } from "jose";
import { z } from "zod";
import { RefusedError, type Failure } from "../../errors.js";

const hash = z.string().regex(/^[0-9a-f]{64}$/u);
const number = z.int().min(0).max(65_535);
/** A service's address, without a path. */
const origin = /^https:\/\/[a-z0-9-]+(?:\.[a-z0-9-]+)+\/?$/u;
const time = z.int().min(0).max(253_402_300_799);

/**
 * The claims of Microsoft Azure Attestation's tokens for SGX that describe the code and that release policies name, each
 * with its format. The token is remote text: a claim that is not listed, or has another format, is omitted.
 */
const forms: Readonly<Record<string, z.ZodType<string | number | boolean>>> = {
  iss: z.string().max(128).regex(origin),
  iat: time,
  nbf: time,
  exp: time,
  "x-ms-ver": z.literal("1.0"),
  "x-ms-attestation-type": z.enum(["sgx", "sevsnpvm", "tdxvm"]),
  "x-ms-policy-hash": z.string().regex(/^[A-Za-z0-9_-]{43}$/u),
  "x-ms-sgx-is-debuggable": z.boolean(),
  "x-ms-sgx-mrenclave": hash,
  "x-ms-sgx-mrsigner": hash,
  "x-ms-sgx-product-id": number,
  "x-ms-sgx-svn": number,
};

export type PublicClaims = Readonly<Record<string, string | number | boolean>>;

/**
 * Extracts the claims about this code from an attestation token, for the log: without the signature, the token's ID and
 * the wrapping key (`x-ms-runtime`). `confml policy test` accepts the result as its CLAIMS.
 *
 * @param token a JWT; the signature is not checked
 * @returns an empty object if the token cannot be decoded
 */
export function publicClaims(token: string): PublicClaims {
  let payload: Record<string, unknown>;
  try {
    payload = decodeJwt(token);
  } catch {
    return {};
  }
  const claims: Record<string, string | number | boolean> = {};
  for (const [name, form] of Object.entries(forms)) {
    const parsed = form.safeParse(payload[name]);
    if (parsed.success) claims[name] = parsed.data;
  }
  return claims;
}

/** Describes a token that is outside its validity period, which a vault refuses whatever the policy: a clock is wrong. */
function describeTimes({ exp, nbf }: PublicClaims, nowSeconds: number): string[] {
  if (typeof exp === "number" && exp <= nowSeconds) return ["the attestation token has expired"];
  const isEarly = typeof nbf === "number" && nbf > nowSeconds;
  return isEarly ? ["the attestation token is not valid yet"] : [];
}

/** A vault answered 403: the release policy is not met, or the client has no role. */
export class ForbiddenReleaseError extends RefusedError {
  /** The claims of the token that the vault compared with the key's release policy. */
  readonly claims: PublicClaims;

  constructor(failure: Failure, claims: PublicClaims, options: ErrorOptions) {
    const got = [failure.got, ...describeTimes(claims, Date.now() / 1000)].join("; ");
    super("RELEASE_REFUSED", { ...failure, got }, options);
    this.claims = claims;
  }
}
