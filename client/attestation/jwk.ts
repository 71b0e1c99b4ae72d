import * as z from "zod";
import { fromBase64url, sha256, toBase64url } from "../encoding.js";

const coordinate = z.string().refine((text) => fromBase64url(text)?.length === 32, "32 bytes");

/** A public EC P-256 key with no other members than these (RFC 7518, section 6.2.1). */
export const publicJwkSchema = z.strictObject({
  crv: z.literal("P-256"),
  kty: z.literal("EC"),
  x: coordinate,
  y: coordinate,
});
export type PublicJwk = z.infer<typeof publicJwkSchema>;

/** The thumbprint of a key (RFC 7638, SHA-256), in base64url: its `kid`. */
export async function thumbprint({ crv, kty, x, y }: PublicJwk): Promise<string> {
  const canonical = JSON.stringify({ crv, kty, x, y });
  return toBase64url(await sha256(new TextEncoder().encode(canonical)));
}
