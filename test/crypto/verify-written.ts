import { X509Certificate } from "node:crypto";
import { verifyCertificateChain } from "../../src/crypto/certificate-chain.js";
import { host, write, writeAuthority, type Parts, type Written } from "./write-certificate.js";

export const now = new Date("2026-06-01");

export const root = writeAuthority("root", undefined);

/** Root → authority → leaf; the parts given replace those of the last two. In the order of `x5c`, without the root. */
export function chainOf({
  authority = {},
  leaf = {},
}: {
  authority?: Parts;
  leaf?: Parts;
}): Buffer[] {
  const issuer = writeAuthority("authority", root, authority);
  return [write("leaf", issuer, leaf).der, issuer.der];
}

/** @returns the message of the refusal and of its causes, or "accepted" */
export function verdict(chain: readonly Uint8Array[], roots: readonly Written[] = [root]): string {
  try {
    const trustedRoots = roots.map(({ der }) => new X509Certificate(der));
    verifyCertificateChain(chain, { trustedRoots, host, now });
    return "accepted";
  } catch (error) {
    return messages(error);
  }
}

function messages(error: unknown): string {
  if (typeof error !== "object" || error === null || !("message" in error)) throw error;
  const { message } = error;
  const cause = "cause" in error && error.cause !== undefined ? ` <- ${messages(error.cause)}` : "";
  return `${String(message)}${cause}`;
}
