import { describe, expect, test } from "@jest/globals";
import { buildPolicy, type NamedCode } from "../../../owners/policy/build.js";
import { explainPolicy } from "../../../owners/policy/explain.js";
import { parsePolicy, type ReleasePolicy } from "../../../owners/policy/grammar.js";
import { warnings } from "../../../owners/policy/warnings.js";

const authority = "https://owner.weu.attest.azure.net";
const measurement = "ab".repeat(32);
const signer = "cd".repeat(32);

function read(json: unknown): ReleasePolicy {
  return parsePolicy(JSON.stringify(json));
}

function built(part: Partial<NamedCode> = {}, allowDebug = false): ReleasePolicy {
  const code: NamedCode = {
    mrenclaves: [measurement],
    mrsigner: undefined,
    productId: undefined,
    minSvn: 2,
    ...part,
  };
  return read(buildPolicy({ authority, allowDebug, code }));
}

const type = { claim: "x-ms-attestation-type", equals: "sgx" };
const measured = { claim: "x-ms-sgx-mrenclave", equals: measurement };
const signed = { claim: "x-ms-sgx-mrsigner", equals: signer };
const product = { claim: "x-ms-sgx-product-id", equals: 1 };
const version = { claim: "x-ms-sgx-svn", greaterOrEquals: 2 };
const release = { claim: "x-ms-sgx-is-debuggable", equals: "false" };
const of = (...allOf: unknown[]) => read({ version: "1.0.0", anyOf: [{ authority, allOf }] });

describe("an explanation", () => {
  test("names the authority and the conditions", () => {
    const policy = built({ mrsigner: signer, productId: 7 });
    expect(explainPolicy(policy)).toEqual([
      `The key is released to code for which "${authority}" vouches, where all of this holds:`,
      "  - it runs in an Intel SGX enclave",
      `  - it is exactly the code MRENCLAVE ${measurement}`,
      `  - it is signed with the key MRSIGNER ${signer}`,
      "  - it is its signer's product number 7",
      "  - its version (SVN) is 2 or higher",
      "  - it is not a debug enclave",
    ]);
  });

  test("covers conditions and groups that confml itself does not write", () => {
    const debug = { claim: "x-ms-sgx-is-debuggable", equals: true };
    const odd = { claim: "a.b", notEquals: "c\u001b[2J" };
    const none = { claim: "d", exists: "false" };
    const policy = of({ anyOf: [debug, { allOf: [odd, none] }] });
    expect(explainPolicy(policy).slice(1)).toEqual([
      "  - at least one of these holds:",
      "    - it is a debug enclave, and no other",
      "    - all of this holds:",
      '      - its claim "a.b" is anything but "c\\u001b[2J"',
      '      - it has no claim "d"',
    ]);
  });

  test("names each branch", () => {
    const policy = built({ mrenclaves: [measurement, signer] });
    const heads = explainPolicy(policy).filter((line) => !line.startsWith(" "));
    expect(heads).toHaveLength(2);
    expect(heads[1]).toMatch(/^It is also released to code/u);
  });
});

describe("warnings", () => {
  test("are none for exact code with a minimum version and without debugging", () => {
    expect(warnings(built())).toEqual([]);
    expect(warnings(built({ mrenclaves: [measurement, signer] }))).toEqual([]);
    expect(warnings(of({ anyOf: [measured, measured] }, type, version, release))).toEqual([]);
  });

  test.each([
    ["no code", of(type, version, release), ["no MRENCLAVE and no MRSIGNER"]],
    [
      "a signer",
      of(type, signed, product, version, release),
      ["names no MRENCLAVE: whoever holds"],
    ],
    ["any product", of(type, signed, version, release), ["no MRENCLAVE", "no product id"]],
    ["no word on debugging", of(type, measured, version), ["allows debug enclaves"]],
    [
      "debug enclaves alone",
      of(type, measured, version, { claim: "x-ms-sgx-is-debuggable", equals: "true" }),
      ["allows debug enclaves"],
    ],
    ["debugging, told to", built({}, true), ["allows debug enclaves"]],
    ["no version", of(type, measured, release), ["no minimum version (SVN): a build that it"]],
    [
      "no version of a signer's",
      of(type, signed, product, release),
      ["no MRENCLAVE", "no minimum version (SVN): an old, vulnerable build"],
    ],
    ["every version", built({ minSvn: 0 }), ["no minimum version"]],
    ["no TEE", of(measured, version, release), ["does not ask for Intel SGX"]],
    [
      "a choice in which one way names no code",
      of(type, version, release, {
        anyOf: [measured, { claim: "x-ms-sgx-mrenclave", exists: true }],
      }),
      ["no MRENCLAVE and no MRSIGNER"],
    ],
    [
      "an authority of somebody's",
      read({
        version: "1.0.0",
        anyOf: [
          {
            authority: "http://attest.azure.net.example",
            allOf: [type, measured, version, release],
          },
        ],
      }),
      ["not https", "not one of Azure's attestation services"],
    ],
    [
      "two authorities",
      read({
        version: "1.0.0",
        anyOf: [
          { authority, allOf: [type, measured, version, release] },
          { authority: "https://two.eus.attest.azure.net", allOf: [type, measured, version] },
        ],
      }),
      ['for "https://two.eus.attest.azure.net" the policy allows debug', "trusts 2 attestation"],
    ],
  ])("name what is wrong with %s", (_what, policy, expected) => {
    const found = warnings(policy);
    expect(found).toEqual(expected.map((text) => expect.stringContaining(text)));
  });

  test.each([
    [{ claim: "x-ms-sgx-is-debuggable", equals: false }],
    [{ claim: "x-ms-sgx-is-debuggable", notEquals: "true" }],
  ])("know %j for a refusal of debug enclaves", (condition) => {
    expect(warnings(of(type, measured, version, condition))).toEqual([]);
  });

  test.each([
    [{ claim: "x-ms-sgx-svn", greater: 0 }, 0],
    [{ claim: "x-ms-sgx-svn", equals: "5" }, 0],
    [{ claim: "x-ms-sgx-svn", less: 5 }, 1],
    [{ claim: "x-ms-sgx-svn", greater: -1 }, 1],
  ])("know whether %j is a minimum version", (condition, count) => {
    expect(warnings(of(type, measured, release, condition))).toHaveLength(count);
  });
});
