import type { SecretEntry } from "../../config/schema.js";
import {
  BootError,
  RefusedError,
  UnavailableError,
  describeCause,
  type Failure,
} from "../../errors.js";
import type { ConnectionError } from "../../net/connection-error.js";
import { isTransientStatus } from "../../net/http-failure.js";
import type { AzureError } from "./azure-session.js";

/**
 * Turns a failed attempt of a release into a BootError.
 *
 * @param error of `AzureSession.run`. The message of its cause is repeated only if no request was made: otherwise it
 *   may contain what the other side wrote
 * @returns the cause itself if it is a BootError; UnavailableError if another attempt may succeed; else RefusedError
 */
export function explainAzureFailure({ cause, last }: AzureError, secret: SecretEntry): BootError {
  if (cause instanceof BootError) return cause;
  const isToken = last?.party === "azureAd";
  const failure: Omit<Failure, "got" | "fix"> = isToken
    ? { doing: `getting a token from Azure AD for ${secret.ID}`, expected: "an access token" }
    : { doing: `releasing ${secret.ID} from ${secret.SrsAddress}`, expected: "the key" };
  if (last?.failure !== undefined) return explainConnection(last.failure, failure, isToken);
  if (last?.status !== undefined) {
    const { status, retryAfterMs } = last;
    const described = { ...failure, got: describeAnswer(status, last.reason) };
    return explainStatus(status, described, isToken, { cause, retryAfterMs });
  }
  return new UnavailableError(
    "RELEASE_FAILED",
    {
      ...failure,
      got: describeCause(cause),
      fix: "Check SrsAddress and the network, then start again",
    },
    { cause },
  );
}

function explainConnection(
  cause: ConnectionError,
  failure: Omit<Failure, "got" | "fix">,
  isToken: boolean,
): BootError {
  const got = cause.message;
  switch (cause.problem) {
    case "untrusted":
      return new RefusedError(
        "CONNECTION_UNTRUSTED",
        { ...failure, got, fix: "Check SrsAddress and what lies on the way to it" },
        { cause },
      );
    case "unusable":
      return isToken
        ? new RefusedError(
            "TOKEN_REFUSED",
            { ...failure, got, fix: "Check what lies on the way to Azure AD" },
            { cause },
          )
        : new RefusedError(
            "RELEASE_INVALID",
            { ...failure, got, fix: "Check that SrsAddress is a Managed HSM" },
            { cause },
          );
    case "unavailable":
      return new UnavailableError(
        "RELEASE_FAILED",
        { ...failure, got, fix: "Check SrsAddress and the network, then start again" },
        { cause },
      );
  }
}

function describeAnswer(status: number, reason: string | undefined): string {
  if (status >= 200 && status <= 299) return `HTTP ${status}, but not the documented answer`;
  return reason === undefined ? `HTTP ${status}` : `HTTP ${status}: ${reason}`;
}

function explainStatus(
  status: number,
  failure: Omit<Failure, "fix">,
  isToken: boolean,
  { cause, retryAfterMs }: { cause: unknown; retryAfterMs: number | undefined },
): BootError {
  if (isTransientStatus(status)) {
    return new UnavailableError(
      "RELEASE_FAILED",
      { ...failure, fix: "Start again later" },
      { cause, retryAfterMs },
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
    const fix =
      "Check that SrsAddress is a Managed HSM, and APP_ID (or the secret's Tenant), CLIENT_ID and MHSM_AAD_URL";
    return new RefusedError("TOKEN_REFUSED", { ...failure, fix }, { cause });
  }
  return new RefusedError("RELEASE_REFUSED", { ...failure, fix: fixOf(status) }, { cause });
}

function fixOf(status: number): string {
  switch (status) {
    case 403:
      return "Check that the client may release keys, and compare the key's release policy with this code's claims, which the log line has: confml policy test CLAIMS POLICY";
    case 404:
      return "Check the secret's ID and that the key is in this vault";
    default:
      return "Check the secret's ID, SrsAddress and SrsApiVersion";
  }
}
