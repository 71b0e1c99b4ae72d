import { describeCause } from "../../src/errors.js";
import { isTransientStatus } from "../../src/net/http-failure.js";
import type { LastAnswer } from "../../src/secrets/mhsm/azure-session.js";
import { CommandError } from "../usage.js";

/** How the caller proves to Azure who it is. */
export type Login = "clientSecret" | "azureCli";

export interface VaultFailure {
  cause: unknown;
  /** How the last request ended, which the thrown error does not always tell. */
  last: LastAnswer | undefined;
  /** As an infinitive: "import DataKey". */
  doing: string;
  keyName: string;
  vaultUrl: string;
  login: Login;
}

const variables = "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET";
const checkLogin: Record<Login, string> = {
  clientSecret: `check ${variables}`,
  azureCli: "az account show says who is logged in; az login --tenant TENANT changes it",
};

/** Turns an error of Azure's packages into a one-line message with hints. */
export function explainVaultFailure(failure: VaultFailure): CommandError {
  const { cause, last, doing, vaultUrl } = failure;
  const [reason, ...hints] = explain(failure);
  const where = last?.party === "azureAd" ? "log in to Azure" : `${doing} in ${vaultUrl}`;
  return new CommandError(`cannot ${where}: ${reason}`, hints, { cause });
}

type Explanation = [reason: string, ...hints: string[]];

function explain(failure: VaultFailure): Explanation {
  const { cause, last, vaultUrl } = failure;
  const message = describeCause(cause);
  if (nameOf(cause) === "CredentialUnavailableError") return explainLogin(failure.login, message);
  if (message.startsWith("The challenge resource")) {
    return [
      "that host asks for a token that is not a Managed HSM's",
      "check --vault: a Managed HSM's address is https://NAME.managedhsm.azure.net",
    ];
  }
  if (last?.status !== undefined) return explainStatus(failure, last.status);
  const network = last?.failure?.message ?? message;
  if (last?.failure?.problem === "untrusted") {
    return [
      `the other side's certificate is not to be trusted (${network})`,
      "something on the way may be answering in Azure's place; for a stand-in, give its CA with --ca-file",
    ];
  }
  const party = last?.party === "azureAd" ? "Azure AD" : vaultUrl;
  if (last?.failure?.problem === "unusable") {
    return [`an answer from ${party} that cannot be used (${network})`, "check --vault"];
  }
  return [`no answer from ${party} (${network})`, "check --vault and the network, then try again"];
}

function explainLogin(login: Login, message: string): Explanation {
  if (message.includes("not configured to acquire tokens for tenant")) {
    return ["the vault belongs to another tenant than AZURE_TENANT_ID says", checkLogin[login]];
  }
  if (login === "clientSecret") return ["there is no token for this login", checkLogin[login]];
  if (message.includes("could not be found")) {
    return [
      "there is no Azure CLI (az) to log in with",
      "install it and run az login (https://aka.ms/azure-cli)",
      `or set ${variables}`,
    ];
  }
  if (message.includes("'az login'")) {
    return ["nobody is logged in to Azure", "run az login", `or set ${variables}`];
  }
  return [
    "az gives no token",
    "az account get-access-token --resource https://managedhsm.azure.net says why",
    checkLogin[login],
  ];
}

function explainStatus(failure: VaultFailure, status: number): Explanation {
  const { last, keyName, vaultUrl, login } = failure;
  const reason = last?.reason === undefined ? `HTTP ${status}` : `HTTP ${status}: ${last.reason}`;
  if (isTransientStatus(status)) return [reason, "try again later"];
  if (last?.party === "azureAd") return [reason, checkLogin[login]];
  if (status < 300) {
    return [`${reason}, but not a Managed HSM's answer`, "check --vault"];
  }
  switch (status) {
    case 401:
      return [reason, "the vault does not accept this login", checkLogin[login]];
    case 403:
      return [
        reason,
        "the login needs a role on the vault, such as Managed HSM Crypto User",
        checkLogin[login],
      ];
    case 404:
      return [reason, `is ${keyName} in ${vaultUrl}? confml key create makes a new key`];
    case 409:
      return [
        reason,
        "a deleted key may still hold the name: recover or purge it, or take another",
      ];
    default:
      return [reason, "check --vault and --api-version"];
  }
}

function nameOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "name" in error ? error.name : undefined;
}
