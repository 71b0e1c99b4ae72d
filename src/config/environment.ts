import { ConfigurationError } from "../errors.js";

/** All that the host may say: none of it can weaken anything. */
export interface Environment {
  /** Azure AD tenant. */
  tenantId: string;
  clientId: string;
  clientSecret: string;
  /** The resource that Azure AD's tokens are for; absent: the one the vault names. */
  audience: string | undefined;
}

const required = ["APP_ID", "CLIENT_ID", "CLIENT_SECRET"] as const;

/** @throws ConfigurationError ENVIRONMENT_INCOMPLETE */
export function readEnvironment(variables: NodeJS.ProcessEnv): Environment {
  const missing = required.filter((name) => (variables[name] ?? "") === "");
  if (missing.length > 0) {
    throw new ConfigurationError("ENVIRONMENT_INCOMPLETE", {
      doing: "reading the environment",
      expected: `${required.join(", ")}, the principal that may release the keys`,
      got: `no ${missing.join(", no ")}`,
      fix: "Set them where the server is started (in Kubernetes, from a Secret)",
    });
  }
  const audience = variables["MHSM_AAD_URL"] ?? "";
  return {
    tenantId: variables["APP_ID"] ?? "",
    clientId: variables["CLIENT_ID"] ?? "",
    clientSecret: variables["CLIENT_SECRET"] ?? "",
    audience: audience === "" ? undefined : audience,
  };
}
