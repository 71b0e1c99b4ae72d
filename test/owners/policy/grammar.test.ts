import { describe, expect, test } from "@jest/globals";
import { parsePolicy } from "../../../owners/policy/grammar.js";

const authority = "https://attest.example";
const yes = { claim: "a", equals: "b" };
const of = (...allOf: unknown[]) => ({ version: "1.0.0", anyOf: [{ authority, allOf }] });

describe("a release policy", () => {
  test("may nest its groups, and name one claim several times", () => {
    const json = of(yes, { anyOf: [yes, { allOf: [{ claim: "a", exists: "true" }] }] });
    expect(parsePolicy(JSON.stringify(json))).toEqual({
      branches: [
        {
          authority,
          conditions: {
            kind: "allOf",
            parts: [
              { kind: "condition", claim: "a", operator: "equals", value: "b" },
              {
                kind: "anyOf",
                parts: [
                  { kind: "condition", claim: "a", operator: "equals", value: "b" },
                  {
                    kind: "allOf",
                    parts: [{ kind: "condition", claim: "a", operator: "exists", value: "true" }],
                  },
                ],
              },
            ],
          },
        },
      ],
    });
  });

  test.each([
    ["another version", { ...of(yes), version: "2.0.0" }, 'version: expected "1.0.0"'],
    ["no branches", { version: "1.0.0", anyOf: [] }, "anyOf: expected at least one entry"],
    [
      "allOf at its top",
      { version: "1.0.0", allOf: [yes] },
      "anyOf: expected a value of type array",
    ],
    [
      "no authority",
      { version: "1.0.0", anyOf: [{ allOf: [yes] }] },
      "anyOf.0.authority: expected a value",
    ],
    [
      "an authority that is no URL",
      { version: "1.0.0", anyOf: [{ authority: "attest", allOf: [yes] }] },
      "anyOf.0.authority: expected a URL",
    ],
    [
      "an authority without conditions",
      { version: "1.0.0", anyOf: [{ authority }] },
      "anyOf.0: expected authority with either allOf or anyOf",
    ],
    ["empty conditions", of(), "anyOf.0.allOf: expected at least one entry"],
    ["an unknown operator", of({ claim: "a", equal: 1 }), '.allOf.0: no key "equal" is known'],
    ["two operators", of({ ...yes, less: 1 }), "anyOf.0.allOf.0: expected either allOf"],
    ["no operator", of({ claim: "a" }), "anyOf.0.allOf.0: expected either allOf"],
    ["no claim", of({ equals: 1 }), "anyOf.0.allOf.0: expected either allOf"],
    ["a condition that is a group too", of({ ...yes, allOf: [yes] }), "expected either allOf"],
    ["two groups in one", of({ anyOf: [yes], allOf: [yes] }), "expected either allOf"],
    ["a value that is an object", of({ claim: "a", equals: {} }), "0.equals: expected a string"],
    ["a size that is no number", of({ claim: "a", less: "b" }), "0.less: expected a number"],
    ["a size in hexadecimal", of({ claim: "a", less: "0x10" }), "0.less: expected a number"],
    ["a doubtful exists", of({ claim: "a", exists: "yes" }), "0.exists: expected true or false"],
    [
      "an operator of client policies",
      of({ anyOf: [yes, { claim: "a", subsetOf: ["b"] }] }),
      "expected conditions without subsetOf",
    ],
    ["a fault far inside", of({ anyOf: [{ allOf: [{ claim: "" }] }] }), "0.anyOf.0.allOf.0"],
    ["no object", "policy", "the policy: expected a value of type object"],
  ])("with %s is none", (_what, json, message) => {
    expect(() => parsePolicy(JSON.stringify(json))).toThrow(message);
  });

  test("may nest its groups up to a limit, and deeper JSON is refused", () => {
    const nested = (depth: number): string => {
      const inner = `${'{"anyOf":['.repeat(depth)}${JSON.stringify(yes)}${"]}".repeat(depth)}`;
      return `{"version":"1.0.0","anyOf":[{"authority":"${authority}","allOf":[${inner}]}]}`;
    };
    expect(parsePolicy(nested(50)).branches).toHaveLength(1);
    for (const depth of [100, 5000, 100_000]) {
      expect(() => parsePolicy(nested(depth))).toThrow(
        /^the policy: expected JSON at most 128 deep$/u,
      );
    }
    expect(() => parsePolicy("[".repeat(5000) + "]".repeat(5000))).toThrow("at most 128 deep");
  });

  test("is JSON, and an error does not repeat a text that is not", () => {
    expect(() => parsePolicy("{secret")).toThrow(/^not JSON$/u);
  });
});
