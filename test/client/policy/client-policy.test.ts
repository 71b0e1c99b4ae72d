import { describe, expect, test } from "@jest/globals";
import { parseClientPolicy } from "../../../client/policy/client-policy.js";
import { evaluate, toChecks } from "../../../client/policy/evaluate.js";
import { withDefaults } from "../../../client/policy/server-claims.js";

const measured = { claim: "x-ms-sgx-mrenclave", equals: "ab" };
const signed = { claim: "x-ms-sgx-mrsigner", equals: "cd" };
const product = { claim: "x-ms-sgx-product-id", equals: 1 };
const version = { claim: "x-ms-sgx-svn", greaterOrEquals: 1 };
const debug = { claim: "x-ms-sgx-is-debuggable", equals: true };
const text = (...branches: readonly object[]): string =>
  JSON.stringify({ version: "1.0.0", anyOf: branches });

const claims = {
  "x-ms-sgx-mrenclave": "ab",
  "x-ms-sgx-is-debuggable": false,
  "tcb-status": "UpToDate",
  "tcb-advisories": [],
  "max-age": 5,
};

const mrtd = { claim: "tdx_mrtd", equals: "ab" };
const rtmr = (index: number): object => ({ claim: `tdx_rtmr${index}`, equals: "ab" });

/** Whether a branch with its defaults is met. */
function isMet(branch: object, got: object = claims): boolean {
  const [node] = parseClientPolicy(text(branch)).branches;
  return node !== undefined && evaluate(withDefaults(node, "sgx"), { ...got }).met;
}

describe("parseClientPolicy", () => {
  test.each([
    ["no JSON", "{"],
    ["another version", '{"version":"2","anyOf":[]}'],
    ["no branches", text()],
    [
      "an authority, as release policies have",
      text({ authority: "https://a.example", allOf: [measured] }),
    ],
    ["an empty branch", text({ allOf: [] })],
    ["two groups", text({ allOf: [measured], anyOf: [measured] })],
    ["two comparisons", text({ allOf: [{ ...measured, notEquals: "cd" }] })],
    ["a comparison with a list besides", text({ allOf: [{ ...measured, subsetOf: [] }] })],
    ["an unknown member", text({ allOf: [{ ...measured, like: "a" }] })],
    ["a condition and a group", text({ allOf: [{ ...measured, allOf: [measured] }] })],
    ["too many levels", `{"version":${"[".repeat(200)}${"]".repeat(200)}}`],
  ])("refuses %s", (_, json) => {
    expect(() => parseClientPolicy(json)).toThrow(
      expect.objectContaining({ code: "POLICY_INVALID" }),
    );
  });

  test.each([
    ["nothing", [debug]],
    ["no version of a signer", [signed, product]],
    ["no product of a signer", [signed, version]],
    ["no least version", [signed, product, { claim: "x-ms-sgx-svn", exists: true }]],
    ["a greatest version", [signed, product, { claim: "x-ms-sgx-svn", less: 5 }]],
    ["firmware of a TD without what it starts", [mrtd]],
    ["firmware and one of four registers", [mrtd, rtmr(0)]],
    ["a measurement that is not to be", [{ claim: "x-ms-sgx-mrenclave", notEquals: "ab" }]],
    ["a measurement in one alternative only", [{ anyOf: [measured, debug] }]],
  ])("refuses a policy that anyone's enclave could meet: %s", (_, conditions) => {
    expect(() => parseClientPolicy(text({ allOf: conditions }))).toThrow("anyone's enclave");
  });

  test("accepts a measurement in each alternative, and a signer with product and version", () => {
    expect(
      parseClientPolicy(text({ anyOf: [measured, { allOf: [measured, debug] }] })).branches,
    ).toHaveLength(1);
    expect(parseClientPolicy(text({ allOf: [signed, product, version] })).branches).toHaveLength(1);
    const whole = [mrtd, ...[0, 1, 2, 3].map(rtmr)];
    expect(parseClientPolicy(text({ allOf: whole })).branches).toHaveLength(1);
  });
});

describe("a branch", () => {
  test("forbids debugging, old platforms, advisories and old attestations unless it names them", () => {
    expect(isMet({ allOf: [measured] })).toBe(true);
    for (const change of [
      { "x-ms-sgx-is-debuggable": true },
      { "x-ms-sgx-is-debuggable": undefined },
      { "tcb-status": "OutOfDate" },
      { "tcb-advisories": ["INTEL-SA-1"] },
      { "tcb-advisories": "INTEL-SA-1" },
      { "tcb-advisories": undefined },
      { "max-age": 301 },
    ]) {
      expect(isMet({ allOf: [measured] }, { ...claims, ...change })).toBe(false);
    }
    const debuggable = { ...claims, "x-ms-sgx-is-debuggable": true };
    expect(isMet({ allOf: [measured, debug] }, debuggable)).toBe(true);
  });

  test("forbids debugging where only one of its alternatives allows it", () => {
    const debuggable = { ...claims, "x-ms-sgx-is-debuggable": true };
    const mixed = { anyOf: [{ allOf: [measured, debug] }, measured] };
    expect(isMet(mixed, debuggable)).toBe(false);
    expect(isMet(mixed)).toBe(true);
  });

  test("compares a list with the elements that are allowed", () => {
    const allowed = { claim: "tcb-advisories", subsetOf: ["A", "B"] };
    const got = (advisories: unknown): object => ({ ...claims, "tcb-advisories": advisories });
    expect(isMet({ allOf: [measured, allowed] }, got(["B"]))).toBe(true);
    expect(isMet({ allOf: [measured, allowed] }, got([]))).toBe(true);
    expect(isMet({ allOf: [measured, allowed] }, got(["A", "C"]))).toBe(false);
    expect(isMet({ allOf: [measured, allowed] }, got("A"))).toBe(false);
  });

  test("shows what is hostile in a claim without control characters", () => {
    const [node] = parseClientPolicy(text({ allOf: [measured] })).branches;
    if (node === undefined) throw new Error("no branch");
    const [check] = toChecks(evaluate(node, { "x-ms-sgx-mrenclave": "\u009b2J\u202e" }));
    expect(check).toEqual({
      name: "x-ms-sgx-mrenclave",
      wanted: '"ab"',
      got: '"\\u{9b}2J\\u{202e}"',
      met: false,
    });
  });
});
