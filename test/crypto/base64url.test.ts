import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodeBase64url } from "../../src/crypto/base64url.js";

const decode = (text: string) => decodeBase64url(Buffer.from(text, "latin1"));

test("base64url of any bytes is decoded, with zeros behind them if asked for", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(20), (bytes, spareBytes) => {
      const encoded = Buffer.from(Buffer.from(bytes).toString("base64url"));
      const decoded = decodeBase64url(encoded, spareBytes);
      expect(Buffer.from(decoded ?? [1])).toEqual(Buffer.concat([bytes, Buffer.alloc(spareBytes)]));
    }),
  );
});

// Each of them would be zeros if it were decoded leniently.
test.each([
  "AA==",
  "AAA=",
  "A",
  "AAAAA",
  "AA A",
  "AA\nA",
  "\nAAA",
  "AB",
  "AAB",
  "AA+A",
  "AA/A",
  "AAé",
  "AAA\u0000",
])("%j is refused", (text) => {
  expect(decode(text)).toBeUndefined();
});
