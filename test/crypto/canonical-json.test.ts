import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { canonicalJson, type Json } from "../../src/crypto/canonical-json.js";

describe("canonicalJson", () => {
  test("writes the examples of RFC 8785, sections 3.2.2 and 3.2.3, as the RFC does", () => {
    const input = String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`;
    expect(canonicalJson(JSON.parse(input) as Json)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
    const names = String.raw`{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}`;
    expect(canonicalJson(JSON.parse(names) as Json)).toBe(
      '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
    );
  });

  test("writes the numbers of RFC 8785, appendix B", () => {
    const ofBits = (bits: string): number => Buffer.from(bits, "hex").readDoubleBE();
    for (const [bits, text] of [
      ["8000000000000000", "0"],
      ["0000000000000001", "5e-324"],
      ["7fefffffffffffff", "1.7976931348623157e+308"],
      ["4340000000000001", "9007199254740994"],
      ["44b52d02c7e14af5", "9.999999999999997e+22"],
      ["44b52d02c7e14af6", "1e+23"],
      ["444b1ae4d6e2ef4e", "999999999999999700000"],
      ["3eb0c6f7a0b5ed8d", "0.000001"],
      ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
      ["41b3de4355555557", "333333333.33333343"],
    ] as const) {
      expect(canonicalJson(ofBits(bits))).toBe(text);
    }
  });

  test("refuses numbers and texts that JSON cannot carry", () => {
    for (const value of [Number.NaN, Infinity, "\ud800", { "\udfff": 1 }]) {
      expect(() => canonicalJson(value)).toThrow(RangeError);
    }
  });

  test("keeps the meaning, in whatever order the members come", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.parse(JSON.stringify(value)) as Json;
        expect(JSON.parse(canonicalJson(json))).toEqual(json);
      }),
    );
    expect(canonicalJson({ b: 1, a: 2 })).toBe(canonicalJson({ a: 2, b: 1 }));
  });
});
