import { randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { quoteRemote } from "../../src/net/remote-text.js";

describe("what another machine wrote, in a message of ours", () => {
  test.each([
    ["The target does not meet the key's release policy.", "is kept"],
    ["AADSTS7000215: Invalid client secret provided.", "is kept"],
    ["app 'b6a8b5f0-6a2f-4f0e-9d5e-0c8f3f0d9a11' in login.microsoftonline.com", "is kept"],
  ])("%j %s", (text) => {
    expect(quoteRemote(text)).toBe(text);
  });

  test("is one line, without control characters or invisible ones", () => {
    expect(quoteRemote(" a\r\n\tb\u0000c\u001b[31md\u202ee ")).toBe("a b c [31md e");
  });

  test("is not long", () => {
    expect(quoteRemote("word ".repeat(1000)).length).toBe(301);
  });

  test("never shows a key, whatever stands around it", () => {
    const forms = fc.constantFrom<("hex" | "base64" | "base64url")[]>("hex", "base64", "base64url");
    fc.assert(
      fc.property(forms, fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 }), (form, a, b) => {
        const key = randomBytes(32).toString(form);
        expect(quoteRemote(`${a}${key}${b}`)).not.toContain(key);
      }),
    );
  });

  test("never shows a token or a client secret", () => {
    const token = [30, 200, 86]
      .map((length) => randomBytes(length).toString("base64url"))
      .join(".");
    expect(quoteRemote(`got "Bearer ${token}"`)).toBe('got "Bearer [hidden]"');
    // As Azure AD makes them: 40 characters with `~`, `.`, `_` and `-` among them.
    expect(quoteRemote("secret=abc8Q~d.ef-GhIjKlMnOpQrStUvWxYz0123456_7")).not.toContain("GhIj");
  });
});
