import { describe, expect, test } from "@jest/globals";
import { isTransientStatus, isUntrustedCode, parseRetryAfter } from "../../src/net/http-failure.js";

describe("Retry-After", () => {
  test("is seconds, or a date", () => {
    expect(parseRetryAfter("120")).toBe(120_000);
    const inTwoMinutes = new Date(Date.now() + 120_000).toUTCString();
    // A date has whole seconds.
    expect(parseRetryAfter(inTwoMinutes)).toBeGreaterThan(110_000);
    expect(parseRetryAfter(inTwoMinutes)).toBeLessThanOrEqual(120_000);
    expect(parseRetryAfter("Wed, 21 Oct 2015 07:28:00 GMT")).toBe(0);
    expect(parseRetryAfter("Fri, 31 Dec 9999 23:59:59 GMT")).toBeGreaterThan(86_400_000);
  });

  test.each(["", "soon", "-1 s", undefined, 5])("of %j is ignored", (header) => {
    expect(parseRetryAfter(header)).toBeUndefined();
  });

  // setTimeout replaces a longer delay by 1 ms: the next attempt would follow at once.
  test.each(["2147484", "9".repeat(400), "Fri, 31 Dec 9999 23:59:59 GMT"])(
    "of %s is shortened to the longest delay of a timer",
    (header) => {
      expect(parseRetryAfter(header)).toBe(2_147_483_647);
    },
  );
});

describe("a failure", () => {
  test.each([
    [408, true],
    [429, true],
    [500, true],
    [503, true],
    [400, false],
    [403, false],
    [404, false],
  ])("with the status %d may be transient: %j", (status, isTransient) => {
    expect(isTransientStatus(status)).toBe(isTransient);
  });

  test.each([
    ["ERR_TLS_CERT_ALTNAME_INVALID", true],
    ["CERT_HAS_EXPIRED", true],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", true],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", true],
    ["CRL_HAS_EXPIRED", true],
    ["ECONNRESET", false],
    ["ERR_TLS_HANDSHAKE_TIMEOUT", false],
    ["MY_CERT_HAS_EXPIRED", false],
  ])("with the code %s is about the certificate: %j", (code, isUntrusted) => {
    expect(isUntrustedCode(code)).toBe(isUntrusted);
  });
});
