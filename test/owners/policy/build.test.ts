import { describe, expect, test } from "@jest/globals";
import { meetsPolicy, parsePolicy } from "../../../emulator/release-policy.js";
import { buildPolicy, type TrustedCode } from "../../../owners/policy/build.js";

const authority = "https://owner.weu.attest.azure.net";
const [code, otherCode, signer] = ["ab".repeat(32), "ba".repeat(32), "cd".repeat(32)];
const exact = { mrsigner: undefined, productId: undefined, minSvn: undefined };
const claims = {
  "x-ms-attestation-type": "sgx",
  "x-ms-sgx-is-debuggable": false,
  "x-ms-sgx-mrenclave": code,
  "x-ms-sgx-mrsigner": signer,
  "x-ms-sgx-product-id": 1,
  "x-ms-sgx-svn": 2,
};

/** The emulator's own evaluation of policies, which is independent of src. */
function isReleased(trusted: TrustedCode, change: object = {}, allowDebug = false): boolean {
  const policy = parsePolicy(buildPolicy({ authority, code: trusted, allowDebug }));
  if (policy === undefined) throw new Error("no policy");
  return meetsPolicy(policy, authority, { ...claims, ...change });
}

describe("a built policy", () => {
  const full: TrustedCode = { mrenclaves: [code], mrsigner: signer, productId: 1, minSvn: 2 };
  const bySigner: TrustedCode = { mrenclaves: [], mrsigner: signer, productId: 1, minSvn: 2 };

  test("is met by the code that it names, and by each of several", () => {
    expect(isReleased({ mrenclaves: [code], ...exact })).toBe(true);
    expect(isReleased({ mrenclaves: [otherCode, code], ...exact })).toBe(true);
    expect(isReleased({ mrenclaves: [otherCode], ...exact })).toBe(false);
    expect(isReleased(full)).toBe(true);
  });

  test.each([
    { "x-ms-attestation-type": "sevsnpvm" },
    { "x-ms-sgx-is-debuggable": true },
    { "x-ms-sgx-mrenclave": otherCode },
    { "x-ms-sgx-mrsigner": otherCode },
    { "x-ms-sgx-product-id": 2 },
    { "x-ms-sgx-svn": 1 },
    { "x-ms-sgx-svn": undefined },
    { "x-ms-sgx-is-debuggable": undefined },
  ])("is not met with %j", (change) => {
    expect(isReleased(full, change)).toBe(false);
  });

  test("that trusts a signer is met by all code of that signer from a version on", () => {
    expect(isReleased(bySigner, { "x-ms-sgx-mrenclave": otherCode, "x-ms-sgx-svn": 9 })).toBe(true);
    expect(isReleased(bySigner, { "x-ms-sgx-svn": 1 })).toBe(false);
    expect(isReleased(bySigner, { "x-ms-sgx-mrsigner": otherCode })).toBe(false);
  });

  test("allows debug enclaves where it is told to, and still allows others", () => {
    expect(isReleased(full, { "x-ms-sgx-is-debuggable": true }, true)).toBe(true);
    expect(isReleased(full, {}, true)).toBe(true);
  });
});
