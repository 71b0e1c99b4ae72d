import { describe, expect, test } from "@jest/globals";
import { RefusedError, UnavailableError } from "../../../src/errors.js";
import { explainAzureFailure } from "../../../src/secrets/mhsm/azure-failure.js";
import { ConnectionError, toConnectionError } from "../../../src/net/connection-error.js";
import { AzureError, type LastAnswer } from "../../../src/secrets/mhsm/azure-session.js";
import { secret } from "../../helpers/release-client.js";

const cause = new Error("what a package throws");

function explain(last: LastAnswer | undefined): ReturnType<typeof explainAzureFailure> {
  return explainAzureFailure(new AzureError(cause, last), secret);
}

/** As Node tells it: with text that the other side may have chosen. */
function broken(code: string): ConnectionError {
  return toConnectionError(Object.assign(new Error("Host: x. is not a-secret"), { code }));
}

describe("a connection to Azure that breaks", () => {
  test.each([
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "CERT_HAS_EXPIRED",
    "CERT_NOT_YET_VALID",
    "CERT_REVOKED",
    "CERT_SIGNATURE_FAILURE",
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "HOSTNAME_MISMATCH",
    "INVALID_CA",
  ])("for %s is refused, for Azure AD and the vault", (code) => {
    for (const party of ["azureAd", "vault"] as const) {
      const error = explain({ party, failure: broken(code) });
      expect(error).toBeInstanceOf(RefusedError);
      expect(error).toMatchObject({ code: "CONNECTION_UNTRUSTED" });
      expect(error.message).toContain(code);
      expect(error.message).not.toContain("a-secret");
    }
  });

  test.each(["ECONNRESET", "ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT", "EPIPE"])(
    "for %s may work later",
    (code) => {
      const error = explain({ party: "vault", failure: broken(code) });
      expect(error).toBeInstanceOf(UnavailableError);
      expect(error).toMatchObject({ code: "RELEASE_FAILED" });
      expect(error.message).toMatch(new RegExp(`got ${code}: [a-z' ]+\\. Check`, "u"));
    },
  );

  test.each([
    ["azureAd", "TOKEN_REFUSED"],
    ["vault", "RELEASE_INVALID"],
  ] as const)("by %s, for an answer that is none, is %s", (party, code) => {
    const failure = new ConnectionError("unusable", "an answer of more than 5 bytes");
    expect(explain({ party, failure })).toBeInstanceOf(RefusedError);
    expect(explain({ party, failure })).toMatchObject({ code });
  });

  test("before any request is described by the thrown error", () => {
    expect(explain(undefined)).toMatchObject({
      code: "RELEASE_FAILED",
      message: expect.stringContaining("got what a package throws."),
    });
  });
});

describe("an answer of Azure", () => {
  test.each<[LastAnswer, string, typeof RefusedError | typeof UnavailableError]>([
    [{ party: "azureAd", status: 401 }, "TOKEN_REFUSED", RefusedError],
    [{ party: "azureAd", status: 200 }, "TOKEN_REFUSED", RefusedError],
    [{ party: "azureAd", status: 503 }, "RELEASE_FAILED", UnavailableError],
    [{ party: "vault", status: 401 }, "TOKEN_REFUSED", RefusedError],
    [{ party: "vault", status: 403 }, "RELEASE_REFUSED", RefusedError],
    [{ party: "vault", status: 409 }, "RELEASE_REFUSED", RefusedError],
    [{ party: "vault", status: 200 }, "RELEASE_INVALID", RefusedError],
    [{ party: "vault", status: 429 }, "RELEASE_FAILED", UnavailableError],
    [{ party: "vault", status: 500 }, "RELEASE_FAILED", UnavailableError],
  ])("%j is %s", (last, code, kind) => {
    expect(explain(last)).toMatchObject({ code });
    expect(explain(last)).toBeInstanceOf(kind);
  });
});
