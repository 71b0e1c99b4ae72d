/**
 * Evidence providers that are part of the server, as `Attestation.Evidence` names them. attestation/providers.ts has a
 * factory for each.
 */
export const evidenceProviders = ["sgx"] as const;
export type EvidenceProviderName = (typeof evidenceProviders)[number];

/** Secret clients that are part of the server, as `ClientLib` names them. wire-release.ts has a factory for each. */
export const secretClients = ["mhsm"] as const;
export type SecretClientName = (typeof secretClients)[number];

/** Whether a `ClientLib` names a part of the server, and not a native library. */
export function isSecretClientName(name: string): name is SecretClientName {
  return secretClients.some((known) => known === name);
}
