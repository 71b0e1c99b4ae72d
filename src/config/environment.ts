import { ConfigurationError } from "../errors.js";
import { SecretText } from "./secret-text.js";

/** The settings that the host may choose (SECURITY.md): no value of them weakens a check. */
export interface Environment {
  /** Azure AD tenant. */
  tenantId: string;
  clientId: string;
  /** The client's credential. */
  proof: { clientSecret: SecretText } | { federatedTokenFile: string };
  /** The resource that Azure AD's tokens are for; undefined: the one that the vault names. */
  audience: string | undefined;
}

/**
 * Reads the variables of the original sample; without CLIENT_SECRET, those that Kubernetes' workload identity sets.
 *
 * @throws ConfigurationError ENVIRONMENT_INCOMPLETE that names the missing variables
 */
export function readEnvironment(variables: NodeJS.ProcessEnv): Environment {
  const read = (name: string): string | undefined => {
    const value = variables[name] ?? "";
    return value === "" ? undefined : value;
  };
  const clientSecret = read("CLIENT_SECRET");
  const federatedTokenFile = read("AZURE_FEDERATED_TOKEN_FILE");
  const isFederated = clientSecret === undefined && federatedTokenFile !== undefined;
  const tenantId = read("APP_ID") ?? (isFederated ? read("AZURE_TENANT_ID") : undefined);
  const clientId = read("CLIENT_ID") ?? (isFederated ? read("AZURE_CLIENT_ID") : undefined);
  const missing = Object.entries({
    APP_ID: tenantId,
    CLIENT_ID: clientId,
    CLIENT_SECRET: clientSecret ?? federatedTokenFile,
  })
    .filter(([, value]) => value === undefined)
    .map(([name]) => name);
  const proof =
    clientSecret !== undefined
      ? { clientSecret: new SecretText(clientSecret) }
      : { federatedTokenFile: federatedTokenFile ?? "" };
  if (tenantId === undefined || clientId === undefined || missing.length > 0) {
    throw new ConfigurationError("ENVIRONMENT_INCOMPLETE", {
      doing: "reading the environment",
      expected: "APP_ID, CLIENT_ID and CLIENT_SECRET, the principal that may release the keys",
      got: `no ${missing.join(", no ")}`,
      fix: "Set them where the server is started (in Kubernetes, from a Secret), or use workload identity, which sets AZURE_FEDERATED_TOKEN_FILE",
    });
  }
  return { tenantId, clientId, proof, audience: read("MHSM_AAD_URL") };
}
