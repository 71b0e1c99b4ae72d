import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import * as emulated from "../../../emulator/release-policy.js";
import type { Claims } from "../../../client/policy/evaluate.js";
import { evaluatePolicy } from "../../../owners/policy/evaluate.js";
import { parsePolicy } from "../../../owners/policy/grammar.js";

const authority = "https://attest.example";
const claims = {
  iss: authority,
  "x-ms-attestation-type": "sgx",
  "x-ms-sgx-is-debuggable": false,
  "x-ms-sgx-svn": 3,
  text: "3",
  empty: "",
  hex: "0x10",
  none: null,
  "x-ms-runtime": { keys: [{ kid: "one" }], nested: { deep: "value" } },
};

function unmet(conditions: object, token: Claims = claims) {
  const json = JSON.stringify({ version: "1.0.0", anyOf: [{ authority, ...conditions }] });
  return evaluatePolicy(parsePolicy(json), token).flatMap((branch) => branch.unmet);
}

describe("a condition", () => {
  test.each([
    [{ claim: "x-ms-attestation-type", equals: "sgx" }, true],
    [{ claim: "x-ms-attestation-type", equals: "SGX" }, false],
    [{ claim: "x-ms-attestation-type", notEquals: "sevsnpvm" }, true],
    [{ claim: "x-ms-attestation-type", notEquals: "sgx" }, false],
    [{ claim: "x-ms-sgx-is-debuggable", equals: "false" }, true],
    [{ claim: "x-ms-sgx-is-debuggable", equals: false }, true],
    [{ claim: "x-ms-sgx-is-debuggable", equals: "true" }, false],
    [{ claim: "x-ms-sgx-svn", equals: 3 }, true],
    [{ claim: "x-ms-sgx-svn", less: 4 }, true],
    [{ claim: "x-ms-sgx-svn", less: 3 }, false],
    [{ claim: "x-ms-sgx-svn", lessOrEquals: 3 }, true],
    [{ claim: "x-ms-sgx-svn", lessOrEquals: 2 }, false],
    [{ claim: "x-ms-sgx-svn", greater: 2 }, true],
    [{ claim: "x-ms-sgx-svn", greater: 3 }, false],
    [{ claim: "x-ms-sgx-svn", greaterOrEquals: 3 }, true],
    [{ claim: "x-ms-sgx-svn", greaterOrEquals: "4" }, false],
    [{ claim: "text", greaterOrEquals: 3 }, true],
    [{ claim: "text", greaterOrEquals: "10" }, false],
    [{ claim: "empty", less: 1 }, false],
    [{ claim: "hex", greater: 1 }, false],
    [{ claim: "x-ms-sgx-is-debuggable", less: 1 }, false],
    [{ claim: "x-ms-runtime.nested.deep", equals: "value" }, true],
    [{ claim: "x-ms-runtime.nested", equals: "[object Object]" }, false],
    [{ claim: "x-ms-runtime.nested", notEquals: "value" }, false],
    [{ claim: "none", equals: "null" }, false],
    [{ claim: "x-ms-sgx-svn", exists: "true" }, true],
    [{ claim: "x-ms-sgx-svn", exists: false }, false],
    [{ claim: "missing", exists: true }, false],
    [{ claim: "missing", exists: "false" }, true],
    [{ claim: "missing", equals: "undefined" }, false],
    [{ claim: "missing", notEquals: "anything" }, false],
    [{ claim: "missing", less: 1 }, false],
    [{ claim: "constructor", exists: "true" }, false],
    [{ claim: "text.length", exists: "true" }, false],
  ])("%j is met: %p", (condition, expected) => {
    expect(unmet({ allOf: [condition] }).length === 0).toBe(expected);
  });
});

describe("the unmet conditions", () => {
  const version = { claim: "x-ms-sgx-svn", greaterOrEquals: 4 };
  const debug = { claim: "x-ms-sgx-is-debuggable", equals: "true" };
  const met = { claim: "x-ms-attestation-type", equals: "sgx" };
  const versionUnmet = { claim: "x-ms-sgx-svn", wanted: "at least 4", got: 3 };
  const debugUnmet = { claim: "x-ms-sgx-is-debuggable", wanted: '"true"', got: false };

  test("are all conditions of allOf that failed, and no others", () => {
    expect(unmet({ allOf: [version, met, debug] })).toEqual([versionUnmet, debugUnmet]);
  });

  test("are all alternatives of anyOf, where all failed", () => {
    expect(unmet({ anyOf: [version, met] })).toEqual([]);
    expect(unmet({ anyOf: [{ allOf: [version, debug] }, debug] })).toEqual([
      { noneOf: [[versionUnmet, debugUnmet], [debugUnmet]] },
    ]);
    expect(unmet({ allOf: [met, { anyOf: [version] }] })).toEqual([versionUnmet]);
  });

  test("include the issuer, where another authority issued the token", () => {
    const wanted = '"https://attest.example"';
    const other = "https://other.example";
    expect(unmet({ allOf: [met] }, { ...claims, iss: other })).toEqual([
      { claim: "iss", wanted, got: other },
    ]);
    expect(unmet({ allOf: [met] }, { ...claims, iss: "nonsense" })).toHaveLength(1);
    expect(unmet({ allOf: [met] }, { ...claims, iss: undefined })).toHaveLength(1);
    expect(unmet({ allOf: [met] }, { ...claims, iss: `${authority}/` })).toEqual([]);
  });
});

describe("the evaluation", () => {
  test("agrees with that of the emulated vault", () => {
    let agreed = { met: 0, unmet: 0 };
    fc.assert(
      fc.property(policies, tokens, (json, token) => {
        const own = evaluatePolicy(parsePolicy(JSON.stringify(json)), token);
        const vaults = emulated.parsePolicy(json);
        if (vaults === undefined) throw new Error("the emulator knows another grammar");
        const isMet = own.some((branch) => branch.unmet.length === 0);
        expect(isMet).toBe(emulated.meetsPolicy(vaults, token.iss, token));
        agreed = isMet
          ? { ...agreed, met: agreed.met + 1 }
          : { ...agreed, unmet: agreed.unmet + 1 };
      }),
      { numRuns: 2000 },
    );
    expect(Math.min(agreed.met, agreed.unmet)).toBeGreaterThan(200);
  });
});

const authorities = fc.constantFrom("https://one.example", "https://two.example/");
const numbers = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom("0", "2", "-1", "1.5"));
const scalars = fc.oneof(
  numbers,
  fc.boolean(),
  fc.constantFrom("true", "false", "word", "", "Word"),
);
/** Ordered comparisons use numbers or words here: confml and the emulator may read other texts as numbers differently. */
const sizes = fc.constantFrom("size", "deep.size", "missing");
const anything = fc.constantFrom(
  "size",
  "value",
  "deep.value",
  "deep",
  "list.0",
  "missing",
  "deep.",
);
const conditions = fc.oneof(
  fc.record({ claim: anything, equals: scalars }),
  fc.record({ claim: anything, notEquals: scalars }),
  fc.record({ claim: sizes, less: numbers }),
  fc.record({ claim: sizes, lessOrEquals: numbers }),
  fc.record({ claim: sizes, greater: numbers }),
  fc.record({ claim: sizes, greaterOrEquals: numbers }),
  fc.record({ claim: anything, exists: fc.constantFrom(true, false, "true", "false") }),
);
const { nodes } = fc.letrec((tie) => ({
  nodes: fc.oneof(
    { depthSize: "small" },
    { weight: 3, arbitrary: conditions },
    fc.record({ allOf: fc.array(tie("nodes"), { minLength: 1, maxLength: 3 }) }),
    fc.record({ anyOf: fc.array(tie("nodes"), { minLength: 1, maxLength: 3 }) }),
  ),
}));
const groups = fc.array(nodes, { minLength: 1, maxLength: 3 });
const policies = fc.record({
  version: fc.constant("1.0.0"),
  anyOf: fc.array(
    fc.oneof(
      fc.record({ authority: authorities, allOf: groups }),
      fc.record({ authority: authorities, anyOf: groups }),
    ),
    { minLength: 1, maxLength: 3 },
  ),
});
const size = fc.oneof(numbers, fc.constant("word"));
const tokens = fc.record(
  {
    iss: authorities,
    size,
    value: fc.oneof(scalars, fc.constant(null)),
    deep: fc.record({ size, value: scalars, "": scalars }, { requiredKeys: [] }),
    list: fc.array(scalars, { maxLength: 2 }),
  },
  { requiredKeys: ["iss"] },
);
