import { describe, expect, test } from "@jest/globals";
import { readUnverifiedToken } from "../../../owners/policy/attestation-token.js";

const part = (text: string): string => Buffer.from(text).toString("base64url");
const token = (payload: string): string => `${part("{}")}.${part(payload)}.signature\n`;

describe("an attestation token", () => {
  test("is read without checking its signature", () => {
    const { claims, expiresAt, notBefore } = readUnverifiedToken(
      token('{"iss":"https://a.example","exp":1700000000}'),
    );
    expect(claims["iss"]).toBe("https://a.example");
    expect(expiresAt?.toISOString()).toBe("2023-11-14T22:13:20.000Z");
    expect(notBefore).toBeUndefined();
  });

  test.each(['{"exp":"soon"}', '{"exp":1e300}', "{}"])("with %j has no time", (payload) => {
    expect(readUnverifiedToken(token(payload)).expiresAt).toBeUndefined();
  });

  test("may be its claims alone, as a server logs them", () => {
    const json = ' {"iss":"https://a.example","exp":1700000000,"x-ms-sgx-svn":2}\n';
    const { claims, expiresAt } = readUnverifiedToken(json);
    expect(claims).toEqual(JSON.parse(json));
    expect(expiresAt?.getTime()).toBe(1_700_000_000_000);
    expect(() => readUnverifiedToken('{"iss":"secret')).toThrow(
      "not claims: expected a JSON object",
    );
  });

  test.each(["", "a.b", "a.b.c.d", "a.!.c", token("[1]"), token("no JSON"), "a.gIA.c"])(
    "is not %j, and the error does not repeat it",
    (text) => {
      expect(() => readUnverifiedToken(text)).toThrow(/^not a JWT: [a-z0-9 :'-]+$/iu);
    },
  );
});
