import { createHash, webcrypto } from "node:crypto";
import { canonicalJson } from "./canonical-json.js";

/** A public EC P-256 key (RFC 7518, section 6.2.1), with exactly the members of its thumbprint. */
export interface PublicJwk {
  crv: "P-256";
  kty: "EC";
  x: string;
  y: string;
}

/** The thumbprint of a key (RFC 7638, SHA-256), in base64url. */
export function thumbprint({ crv, kty, x, y }: PublicJwk): string {
  return createHash("sha256").update(canonicalJson({ crv, kty, x, y })).digest("base64url");
}

/** @param key a public P-256 key */
export async function exportPublicJwk(key: webcrypto.CryptoKey): Promise<PublicJwk> {
  const { x = "", y = "" } = await webcrypto.subtle.exportKey("jwk", key);
  return { crv: "P-256", kty: "EC", x, y };
}
