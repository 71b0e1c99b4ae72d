import {
  ClientSecretCredential,
  type ClientSecretCredentialOptions,
  type TokenCredential,
} from "@azure/identity";
import type { Transport } from "../../net/transport.js";

export interface CredentialOptions {
  tenantId: string;
  clientId: string;
  clientSecret: string;
  /** Azure AD's address; absent: the public one. */
  authority?: string;
  /** The resource that tokens are for; absent: the one that the vault's challenge names. */
  audience?: string;
  transport: Transport;
}

/** Azure AD's client-credentials flow, over our transport. */
export function createCredential(options: CredentialOptions): TokenCredential {
  const { tenantId, clientId, clientSecret, authority, audience, transport } = options;
  const clientOptions: ClientSecretCredentialOptions & { agent: Transport["agent"] } = {
    agent: transport.agent,
    // The authority comes from the measured configuration, so nobody else need vouch for it.
    disableInstanceDiscovery: true,
  };
  if (authority !== undefined) clientOptions.authorityHost = authority;
  const credential = new ClientSecretCredential(tenantId, clientId, clientSecret, clientOptions);
  if (audience === undefined) return credential;
  const scope = `${audience.replace(/\/$/u, "")}/.default`;
  return {
    getToken: (_scopes, tokenOptions) => credential.getToken(scope, tokenOptions),
  };
}
