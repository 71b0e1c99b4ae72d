import fc from "fast-check";
import { describe, expect, test } from "@jest/globals";
import { canonicalJson, parseCanonicalJson, type Json } from "../../client/canonical-json.js";

const bytes = (text: string): Buffer => Buffer.from(text);

describe("canonicalJson", () => {
  // RFC 8785, sections 3.2.2 and 3.2.3
  test("writes the examples of RFC 8785 as the RFC does", () => {
    const input = String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`;
    expect(canonicalJson(JSON.parse(input) as Json)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
    const names = String.raw`{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}`;
    expect(Object.values(JSON.parse(names) as object)).toHaveLength(7);
    expect(canonicalJson(JSON.parse(names) as Json)).toBe(
      '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
    );
  });

  test("refuses numbers and texts that JSON cannot carry", () => {
    for (const value of [Number.NaN, Infinity, "\ud800", { "\udfff": 1 }]) {
      expect(() => canonicalJson(value)).toThrow(RangeError);
    }
  });
});

describe("parseCanonicalJson", () => {
  test("reads what canonicalJson writes, and nothing else that means the same", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.parse(JSON.stringify(value)) as Json;
        const text = canonicalJson(json);
        expect(parseCanonicalJson(bytes(text))).toEqual(json);
        expect(parseCanonicalJson(bytes(`${text} `))).toBeUndefined();
        const pretty = JSON.stringify(json, undefined, 1);
        if (pretty !== text) expect(parseCanonicalJson(bytes(pretty))).toBeUndefined();
      }),
    );
  });

  test("refuses names that occur twice, other orders, escapes, byte order marks and bytes that are no UTF-8", () => {
    for (const text of [
      '{"a":1,"a":1}',
      '{"b":1,"a":1}',
      '"\\u0061"',
      "1.0",
      "-0",
      "\uFEFF1",
      "",
      "{",
    ]) {
      expect(parseCanonicalJson(bytes(text))).toBeUndefined();
    }
    expect(parseCanonicalJson(Uint8Array.of(0x22, 0xff, 0x22))).toBeUndefined();
  });
});
