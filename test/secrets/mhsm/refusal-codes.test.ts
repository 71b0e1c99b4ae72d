import { describe, expect, test } from "@jest/globals";
import {
  describeAzureAdRefusal,
  describeVaultRefusal,
} from "../../../src/secrets/mhsm/refusal-codes.js";

describe("Azure AD's refusal", () => {
  test.each([
    ["invalid_client", [7000215], /^AADSTS7000215: the client secret is wrong/u],
    ["invalid_client", [7000222], /^AADSTS7000222: the client secret has expired$/u],
    ["unauthorized_client", [700016], /^AADSTS700016: the application \(CLIENT_ID\) is not in/u],
    ["invalid_request", [90002], /^AADSTS90002: there is no such tenant$/u],
    ["invalid_client", [], /^invalid_client$/u],
    ["invalid_client", [1234567], /^invalid_client, AADSTS: an unknown code of 7 characters$/u],
    ["hunter2", ["hunter2"], /^an unknown code of 7 characters$/u],
    [{ hunter2: "hunter2" }, "hunter2", /^$/u],
    ["hunter2", [1, 7000222], /^AADSTS7000222: the client secret has expired$/u],
    ["invalid_client", ["7000222"], /^invalid_client$/u],
    // What String() cannot take.
    ["invalid_client", [{ toString: 1, valueOf: 1 }], /^invalid_client$/u],
    ["invalid_client", [[{ toString: 1, valueOf: 1 }], 7000222], /^AADSTS7000222: /u],
  ])("%j with numbers %j is described in our words", (error, numbers, told) => {
    const body = { error, error_codes: numbers, error_description: "AADSTS7000215: hunter2" };
    expect(describeAzureAdRefusal(JSON.stringify(body))).toMatch(told);
  });

  test.each(["", "null", "[]", "hunter2", '"hunter2"', "[".repeat(100_000)])(
    "that is %j says nothing",
    (text) => {
      expect(describeAzureAdRefusal(text)).toBe("");
      expect(describeVaultRefusal(text)).toBe("");
    },
  );
});

describe("a vault's refusal", () => {
  test.each([
    [{ code: "Forbidden", message: "hunter2" }, "Forbidden"],
    [
      { code: "Forbidden", innererror: { code: "ForbiddenByFirewall" } },
      "Forbidden, ForbiddenByFirewall",
    ],
    [{ code: "hunter2", innererror: { code: "hunter22" } }, /7 characters, .* 8 characters$/u],
    [{ code: ["hunter2"], innererror: "hunter2" }, ""],
    [{ code: "__proto__" }, "an unknown code of 9 characters"],
  ])("%j is described by its known codes", (error, told) => {
    expect(describeVaultRefusal(JSON.stringify({ error }))).toEqual(
      typeof told === "string" ? told : expect.stringMatching(told),
    );
  });
});
