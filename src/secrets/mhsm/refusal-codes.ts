import { z } from "zod";
import { quoteCode } from "../../net/remote-code.js";
import { parseShallowJson } from "../../net/shallow-json.js";

/** Azure AD's error numbers of the client-credentials flow, in our words (learn.microsoft.com: AADSTS error codes). */
const azureAdNumbers: Readonly<Record<string, string>> = {
  AADSTS50034: "the client is not in this tenant",
  AADSTS50059: "the request names no tenant",
  AADSTS50194: "the application is not for several tenants",
  AADSTS53003: "a conditional access policy forbids it",
  AADSTS65001: "nobody consented to the application",
  AADSTS70001: "the application is not in this tenant",
  AADSTS70002: "the client's credentials are wrong",
  AADSTS70003: "the kind of grant is not supported",
  AADSTS70011: "the scope (MHSM_AAD_URL) is not valid",
  AADSTS70021: "no federated identity of the application matches the pod's token",
  AADSTS90002: "there is no such tenant",
  AADSTS90013: "the request is not valid",
  AADSTS90014: "a field of the request is missing",
  AADSTS90033: "Azure AD is temporarily unavailable",
  AADSTS500011: "the resource (MHSM_AAD_URL) is not in this tenant",
  AADSTS500021: "access to the tenant is denied",
  AADSTS501481: "the application is disabled",
  AADSTS700016: "the application (CLIENT_ID) is not in this tenant",
  AADSTS700024: "the pod's token is not valid now",
  AADSTS700027: "the signature of the pod's token is wrong",
  AADSTS700082: "the token has expired",
  AADSTS700211: "no federated identity of the application has the pod's issuer",
  AADSTS700212: "no federated identity of the application has the pod's audience",
  AADSTS700213: "no federated identity of the application has the pod's subject",
  AADSTS700223: "federated identities are not allowed for this application",
  AADSTS900023: "the tenant's name is not valid",
  AADSTS900144: "a field of the request is missing",
  AADSTS1002012: "the scope (MHSM_AAD_URL) is not valid",
  AADSTS7000112: "the application is disabled",
  AADSTS7000215: "the client secret is wrong; it is the secret's value, not its ID",
  AADSTS7000216: "a client secret or a federated token is needed",
  AADSTS7000222: "the client secret has expired",
  AADSTS7000229: "the application has no service principal in this tenant",
};

/** OAuth's error codes (RFC 6749, section 5.2) and Azure AD's additions. */
const oauthCodes = new Set([
  "access_denied",
  "consent_required",
  "interaction_required",
  "invalid_client",
  "invalid_grant",
  "invalid_request",
  "invalid_resource",
  "invalid_scope",
  "invalid_tenant",
  "server_error",
  "temporarily_unavailable",
  "unauthorized_client",
  "unsupported_grant_type",
  "unsupported_response_type",
]);

/** Error codes of Key Vault and Managed HSM (learn.microsoft.com: Key Vault REST API error codes). */
const vaultCodes = new Set([
  "AccessDenied",
  "BadParameter",
  "Conflict",
  "Forbidden",
  "ForbiddenByConnection",
  "ForbiddenByFirewall",
  "ForbiddenByPolicy",
  "ForbiddenByRbac",
  "GeneralError",
  "InternalServerError",
  "InvalidKey",
  "KeyDisabled",
  "KeyExpired",
  "KeyNotFound",
  "KeyNotYetValid",
  "NotFound",
  "NotSupported",
  "ObjectIsDeletedButRecoverable",
  "OperationNotAllowed",
  "ResourceNotFound",
  "ServiceUnavailable",
  "Throttled",
  "TooManyRequests",
  "Unauthorized",
  "UnsupportedApiVersion",
  "VaultNotFound",
]);

const azureAdNames = new Set(Object.keys(azureAdNumbers));

const azureAdSchema = z.object({
  error: z.unknown(),
  error_codes: z.array(z.unknown()).max(16).catch([]),
});
const vaultSchema = z.object({
  error: z.object({
    code: z.unknown(),
    innererror: z.object({ code: z.unknown() }).optional().catch(undefined),
  }),
});

/**
 * Describes Azure AD's refusal, an OAuth error (RFC 6749, section 5.2) with Azure AD's numbers.
 *
 * @param text the answer's body
 * @returns known codes and our words for them, and the length of an unknown code; empty if there is no code
 */
export function describeAzureAdRefusal(text: string): string {
  const parsed = azureAdSchema.safeParse(parseShallowJson(text));
  if (!parsed.success) return "";
  const { error, error_codes: numbers } = parsed.data;
  const codes = numbers.filter((one) => typeof one === "number");
  for (const number of codes) {
    const code = `AADSTS${number}`;
    const words = azureAdNames.has(code) ? azureAdNumbers[code] : undefined;
    if (words !== undefined) return `${code}: ${words}`;
  }
  const [number] = codes;
  const unknown = number === undefined ? "" : `AADSTS: ${quoteCode(number, azureAdNames)}`;
  return join(quoteCode(error, oauthCodes), unknown);
}

/**
 * Describes a vault's refusal: `{"error":{"code","innererror":{"code"}}}`.
 *
 * @param text the answer's body
 * @returns known codes, and the length of an unknown code; empty if there is no code
 */
export function describeVaultRefusal(text: string): string {
  const parsed = vaultSchema.safeParse(parseShallowJson(text));
  if (!parsed.success) return "";
  const { code, innererror: inner } = parsed.data.error;
  return join(quoteCode(code, vaultCodes), quoteCode(inner?.code, vaultCodes));
}

function join(...parts: string[]): string {
  return parts.filter((part) => part !== "").join(", ");
}
