import type { SecretEntry } from "../../config/schema.js";
import {
  RefusedError,
  UnavailableError,
  describeCause,
  type BootError,
  type Failure,
} from "../../errors.js";

/** Errors of @azure/identity, by name: Azure AD said no. They carry no status. */
const tokenErrors = new Set([
  "AuthenticationError",
  "AuthenticationRequiredError",
  "CredentialUnavailableError",
]);

/** Turns what Azure's packages throw during a release into one of ours. */
export function explainAzureFailure(cause: unknown, secret: SecretEntry): BootError {
  const release: Omit<Failure, "got" | "fix"> = {
    doing: `releasing ${secret.ID} from ${secret.SrsAddress}`,
    expected: "the key",
  };
  const reason = azureReason(cause);
  if (tokenErrors.has(nameOf(cause)) || /AADSTS\d+/u.test(reason)) {
    return new RefusedError(
      "TOKEN_REFUSED",
      {
        doing: `getting a token from Azure AD for ${secret.SrsAddress}`,
        expected: "an access token",
        got: reason,
        fix: "Check APP_ID (the tenant), CLIENT_ID and CLIENT_SECRET",
      },
      { cause },
    );
  }
  const status = statusOf(cause);
  switch (status) {
    case undefined:
      return new UnavailableError(
        "RELEASE_FAILED",
        { ...release, got: reason, fix: "Check SrsAddress and the network, then start again" },
        { cause },
      );
    case 401:
      return new RefusedError(
        "TOKEN_REFUSED",
        { ...release, got: reason, fix: "Check APP_ID, CLIENT_ID and MHSM_AAD_URL" },
        { cause },
      );
    case 403:
      return new RefusedError(
        "RELEASE_REFUSED",
        {
          ...release,
          got: reason,
          fix: "Compare the key's release policy with this code's identity, and check that the client may release keys",
        },
        { cause },
      );
    case 404:
      return new RefusedError(
        "RELEASE_REFUSED",
        { ...release, got: reason, fix: "Check the secret's ID and that the key is in this vault" },
        { cause },
      );
    default:
      return status >= 500 || status === 429
        ? new UnavailableError(
            "RELEASE_FAILED",
            { ...release, got: reason, fix: "Start again later" },
            { cause },
          )
        : new RefusedError(
            "RELEASE_REFUSED",
            { ...release, got: reason, fix: "Check the secret's ID, SrsAddress and SrsApiVersion" },
            { cause },
          );
  }
}

function azureReason(cause: unknown): string {
  // What the SDK makes of an error answer with an empty body.
  if (nameOf(cause) === "TypeError") return "an answer of no documented form";
  const status = statusOf(cause);
  // Azure AD's messages go on with trace ids, which say nothing to the reader.
  const message = describeCause(cause)
    .replace(/ Trace ID:.*$/u, "")
    .replace(/^.* Description: (?=AADSTS)/u, "");
  return status === undefined ? message : `HTTP ${status}: ${message}`;
}

function nameOf(error: unknown): string {
  return typeof error === "object" &&
    error !== null &&
    "name" in error &&
    typeof error.name === "string"
    ? error.name
    : "";
}

function statusOf(error: unknown): number | undefined {
  return typeof error === "object" &&
    error !== null &&
    "statusCode" in error &&
    typeof error.statusCode === "number"
    ? error.statusCode
    : undefined;
}
