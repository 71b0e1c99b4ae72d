import { describe, expect, test } from "@jest/globals";
import { meetsPolicy, parsePolicy } from "../../emulator/release-policy.js";

const authority = "https://attest.example";
const claims = {
  "x-ms-attestation-type": "sgx",
  "x-ms-sgx-is-debuggable": false,
  "x-ms-sgx-svn": 3,
  "x-ms-runtime": { keys: [{ kid: "one" }], nested: { deep: "value" } },
};

function met(conditions: object): boolean {
  const policy = parsePolicy({ version: "1.0.0", anyOf: [{ authority, ...conditions }] });
  if (policy === undefined) throw new Error("no policy");
  return meetsPolicy(policy, authority, claims);
}

describe("a release policy's condition", () => {
  test.each([
    [{ claim: "x-ms-attestation-type", equals: "sgx" }, true],
    [{ claim: "x-ms-attestation-type", equals: "sevsnpvm" }, false],
    [{ claim: "x-ms-attestation-type", notEquals: "sevsnpvm" }, true],
    [{ claim: "x-ms-sgx-is-debuggable", equals: "false" }, true],
    [{ claim: "x-ms-sgx-is-debuggable", equals: false }, true],
    [{ claim: "x-ms-sgx-is-debuggable", equals: "true" }, false],
    [{ claim: "x-ms-sgx-svn", greaterOrEquals: 3 }, true],
    [{ claim: "x-ms-sgx-svn", greaterOrEquals: "4" }, false],
    [{ claim: "x-ms-sgx-svn", greater: 3 }, false],
    [{ claim: "x-ms-sgx-svn", less: 4 }, true],
    [{ claim: "x-ms-sgx-svn", lessOrEquals: 2 }, false],
    [{ claim: "x-ms-runtime.nested.deep", equals: "value" }, true],
    [{ claim: "x-ms-runtime.nested", equals: "[object Object]" }, false],
    [{ claim: "x-ms-runtime.nested.deep", exists: "true" }, true],
    [{ claim: "missing", exists: "true" }, false],
    [{ claim: "missing", exists: false }, true],
    [{ claim: "missing", equals: "undefined" }, false],
    [{ claim: "missing", notEquals: "anything" }, false],
    [{ claim: "missing", less: 1 }, false],
    [{ claim: "constructor", exists: "true" }, false],
    [{ claim: "x-ms-attestation-type", matches: "sgx" }, false],
  ])("%j is met: %p", (condition, expected) => {
    expect(met({ allOf: [condition] })).toBe(expected);
  });
});

describe("a release policy", () => {
  const yes = { claim: "x-ms-attestation-type", equals: "sgx" };
  const no = { claim: "x-ms-attestation-type", equals: "other" };

  test("requires all of allOf and one of anyOf, at any depth", () => {
    expect(met({ allOf: [yes, no] })).toBe(false);
    expect(met({ anyOf: [no, yes] })).toBe(true);
    expect(met({ allOf: [yes, { anyOf: [no, { allOf: [yes, yes] }] }] })).toBe(true);
    expect(met({ allOf: [yes, { anyOf: [no, { allOf: [yes, no] }] }] })).toBe(false);
  });

  test("is not met by another authority's claims", () => {
    const policy = parsePolicy({ version: "1.0.0", anyOf: [{ authority, allOf: [yes] }] });
    expect(policy).toBeDefined();
    expect(policy && meetsPolicy(policy, "https://other.example", claims)).toBe(false);
    expect(policy && meetsPolicy(policy, `${authority}/`, claims)).toBe(true);
  });

  test.each([
    ["another version", { version: "2.0.0", anyOf: [{ authority, allOf: [yes] }] }],
    ["no authority", { version: "1.0.0", anyOf: [{ allOf: [yes] }] }],
    ["no branches", { version: "1.0.0", anyOf: [] }],
    ["no conditions", { version: "1.0.0", anyOf: [{ authority, allOf: [] }] }],
    ["two operators", { version: "1.0.0", anyOf: [{ authority, allOf: [{ ...yes, less: 1 }] }] }],
    [
      "a condition without operator",
      { version: "1.0.0", anyOf: [{ authority, allOf: [{ claim: "a" }] }] },
    ],
    ["no object", "policy"],
  ])("with %s is invalid", (_what, json) => {
    expect(parsePolicy(json)).toBeUndefined();
  });
});
