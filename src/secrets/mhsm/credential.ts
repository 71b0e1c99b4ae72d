import { readFile } from "node:fs/promises";
import {
  AzureAuthorityHosts,
  ClientAssertionCredential,
  ClientSecretCredential,
  type ClientSecretCredentialOptions,
  type TokenCredential,
} from "@azure/identity";
import type { Environment } from "../../config/environment.js";
import { ConfigurationError, describeCause } from "../../errors.js";
import type { AzureSession } from "./azure-session.js";

export interface CredentialOptions {
  environment: Environment;
  /** The owner's own tenant; absent: the environment's. */
  tenantId: string | undefined;
  /** Azure AD's address; absent: the public one. */
  authority: string | undefined;
  session: AzureSession;
}

/** Three parts of base64url (RFC 7515, section 3.1). */
const jwtForm = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/u;
const largestTokenBytes = 16_384;

/**
 * Creates a credential for Azure AD's client-credentials flow (RFC 6749, section 4.4) that uses a session's
 * connections. It authenticates with the client's secret, or with the pod's token from Kubernetes (RFC 7523).
 *
 * @throws ConfigurationError ENVIRONMENT_INCOMPLETE if the pod's token file is missing or does not contain a JWT
 */
export async function createCredential(options: CredentialOptions): Promise<TokenCredential> {
  const { environment, tenantId = environment.tenantId, authority, session } = options;
  const { clientId, proof, audience } = environment;
  const clientOptions: ClientSecretCredentialOptions = {
    ...session.clientOptions("azureAd"),
    // The authority comes from the measured configuration, so Azure AD need not be asked whether it is genuine.
    disableInstanceDiscovery: true,
    // Always set: the package's default is the variable AZURE_AUTHORITY_HOST, which the host controls.
    authorityHost: authority ?? AzureAuthorityHosts.AzurePublicCloud,
  };
  let credential: TokenCredential;
  if ("clientSecret" in proof) {
    const secret = proof.clientSecret.reveal();
    credential = new ClientSecretCredential(tenantId, clientId, secret, clientOptions);
  } else {
    const token = await readFederatedToken(proof.federatedTokenFile);
    const assert = (): Promise<string> => Promise.resolve(token);
    credential = new ClientAssertionCredential(tenantId, clientId, assert, clientOptions);
  }
  if (audience === undefined) return credential;
  const scope = `${audience.replace(/\/$/u, "")}/.default`;
  return {
    getToken: (_scopes, tokenOptions) => credential.getToken(scope, tokenOptions),
  };
}

/** The host chooses the file's name, so only a JWT is accepted: no other file is sent to Azure AD. */
async function readFederatedToken(file: string): Promise<string> {
  let got = "something else";
  try {
    const token = (await readFile(file, "latin1")).trim();
    if (token.length <= largestTokenBytes && jwtForm.test(token)) return token;
  } catch (error) {
    got = describeCause(error);
  }
  throw new ConfigurationError("ENVIRONMENT_INCOMPLETE", {
    doing: "reading the file that AZURE_FEDERATED_TOKEN_FILE names",
    expected: "a token of Kubernetes' workload identity",
    got,
    fix: "Correct the pod's workload identity, or set CLIENT_SECRET",
  });
}
