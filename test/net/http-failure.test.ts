import { describe, expect, test } from "@jest/globals";
import { parseRetryAfter } from "../../src/net/http-failure.js";

describe("Retry-After", () => {
  test("is seconds, or a date", () => {
    expect(parseRetryAfter("120")).toBe(120_000);
    expect(parseRetryAfter("Wed, 21 Oct 2015 07:28:00 GMT")).toBe(0);
    expect(parseRetryAfter("Fri, 31 Dec 9999 23:59:59 GMT")).toBeGreaterThan(86_400_000);
  });

  test.each(["", "soon", "-1 s", undefined, 5])("of %j says nothing", (header) => {
    expect(parseRetryAfter(header)).toBeUndefined();
  });

  // setTimeout takes longer ones for 1 ms: the next attempt would follow at once.
  test.each(["2147484", "9".repeat(400), "Fri, 31 Dec 9999 23:59:59 GMT"])(
    "of %s is no longer than a timer's time",
    (header) => {
      expect(parseRetryAfter(header)).toBe(2_147_483_647);
    },
  );
});
