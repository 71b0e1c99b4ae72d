import type { SecretEntry } from "../../config/schema.js";
import {
  BootError,
  RefusedError,
  UnavailableError,
  describeCause,
  type Failure,
} from "../../errors.js";
import { isTransientStatus, isUntrustedConnection } from "../../net/http-failure.js";
import { quoteRemote } from "../../net/remote-text.js";
import type { LastAnswer } from "./azure-session.js";

/**
 * Turns what Azure's packages throw during a release into one of ours: UnavailableError where another
 * attempt may do better.
 *
 * @param last how the last request ended: what is thrown does not always say
 */
export function explainAzureFailure(
  cause: unknown,
  secret: SecretEntry,
  last: LastAnswer | undefined,
): BootError {
  if (cause instanceof BootError) return cause;
  const isToken = last?.party === "azureAd";
  const failure: Omit<Failure, "got" | "fix"> = isToken
    ? { doing: `getting a token from Azure AD for ${secret.ID}`, expected: "an access token" }
    : { doing: `releasing ${secret.ID} from ${secret.SrsAddress}`, expected: "the key" };
  if (last?.status !== undefined) {
    const got = `HTTP ${last.status}${remoteReason(cause, last.status)}`;
    return explainStatus(cause, last.status, { ...failure, got }, isToken);
  }
  const got = describeCause(last?.failure ?? cause);
  return isUntrustedConnection(last?.failure)
    ? new RefusedError(
        "CONNECTION_UNTRUSTED",
        { ...failure, got, fix: "Check SrsAddress and what lies on the way to it" },
        { cause },
      )
    : new UnavailableError(
        "RELEASE_FAILED",
        { ...failure, got, fix: "Check SrsAddress and the network, then start again" },
        { cause },
      );
}

function explainStatus(
  cause: unknown,
  status: number,
  failure: Omit<Failure, "fix">,
  isToken: boolean,
): BootError {
  if (isTransientStatus(status)) {
    return new UnavailableError(
      "RELEASE_FAILED",
      { ...failure, fix: "Start again later" },
      { cause },
    );
  }
  if (isToken) {
    const fix = "Check APP_ID (or the secret's Tenant), CLIENT_ID and CLIENT_SECRET";
    return new RefusedError("TOKEN_REFUSED", { ...failure, fix }, { cause });
  }
  if (status < 300) {
    const fix = "Check that SrsAddress is a Managed HSM";
    return new RefusedError("RELEASE_INVALID", { ...failure, fix }, { cause });
  }
  if (status === 401) {
    const fix = "Check APP_ID (or the secret's Tenant), CLIENT_ID and MHSM_AAD_URL";
    return new RefusedError("TOKEN_REFUSED", { ...failure, fix }, { cause });
  }
  return new RefusedError("RELEASE_REFUSED", { ...failure, fix: fixOf(status) }, { cause });
}

function fixOf(status: number): string {
  switch (status) {
    case 403:
      return "Compare the key's release policy with this code's identity (confml policy test), and check that the client may release keys";
    case 404:
      return "Check the secret's ID and that the key is in this vault";
    default:
      return "Check the secret's ID, SrsAddress and SrsApiVersion";
  }
}

/** What the other side says of itself, where it says something. */
function remoteReason(cause: unknown, status: number): string {
  // What the SDK makes of an error answer with an empty body.
  if (nameOf(cause) === "TypeError") return "";
  if (status < 300) return ", but not the documented answer";
  // Azure AD's messages go on with trace ids, which say nothing to the reader.
  const message = describeCause(cause)
    .replace(/ Trace ID:.*$/u, "")
    .replace(/^.* Description: (?=AADSTS)/u, "");
  return message === "" ? "" : `: ${quoteRemote(message)}`;
}

function nameOf(error: unknown): string {
  return typeof error === "object" &&
    error !== null &&
    "name" in error &&
    typeof error.name === "string"
    ? error.name
    : "";
}
