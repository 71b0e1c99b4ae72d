import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { encryptLegacy } from "../../src/crypto/openssl-cbc.js";
import { sealJwe } from "../../src/crypto/jwe.js";
import { flat } from "../helpers/pictures.js";
import { evaluate, imageKeys, testApp, type TestApp } from "../helpers/test-app.js";

const jweHint = "it looks like a JWE, whose name must end with .jwe";
const encryptedHint = "if it is an .encrypted file, its name must end with .encrypted";

let confml: TestApp;
let picture: Buffer;

beforeAll(async () => {
  confml = await testApp();
  picture = await flat("red").png().toBuffer();
});

async function refusal(bytes: Buffer, name = "picture.jpg"): Promise<string> {
  const { status, text } = await evaluate(confml, bytes, { name });
  expect(status).toBe(name === "picture.jpg" ? 415 : 422);
  return text;
}

describe("a plain upload that is not a picture", () => {
  test.each(["First", "Second"] as const)(
    "is told apart if it is a JWE under the key %s",
    async (kid) => {
      const token = await sealJwe(imageKeys[kid], picture, { kid });
      const own = await refusal(Buffer.from(token));
      expect(own).toContain(jweHint);
      const foreign = await sealJwe(randomBytes(32), picture, { kid });
      // The answer does not depend on whether the server has the key.
      expect(await refusal(Buffer.from(foreign))).toBe(own);
    },
  );

  test("is told apart if its length is that of an .encrypted file", async () => {
    const own = await refusal(encryptLegacy(imageKeys.Legacy, picture));
    expect(own).toContain(encryptedHint);
    expect(await refusal(encryptLegacy(randomBytes(32), picture))).toBe(own);
  });

  test.each([
    ["a picture that was cut off", () => picture.subarray(0, 32)],
    ["a length that no .encrypted file has", () => Buffer.alloc(33, 1)],
    ["four parts", () => Buffer.from("eyJhbGciOiJkaXIifQ.a.b.c ")],
    ["six parts", () => Buffer.from("eyJhbGciOiJkaXIifQ.a.b.c.d.e")],
    ["five parts without a JWE's header", () => Buffer.from("abc.a.b.c.d")],
    ["nothing", () => Buffer.alloc(0)],
  ])("gets no hint for %s", async (_what, bytes) => {
    expect(await refusal(bytes())).not.toMatch(/JWE|\.encrypted/u);
  });
});

test("an encrypted upload whose plaintext is a JWE is rejected without a hint", async () => {
  const inner = Buffer.from(await sealJwe(imageKeys.First, picture, { kid: "First" }));
  const plain = await refusal(encryptLegacy(imageKeys.Legacy, inner), "picture.encrypted");
  expect(plain).toBe(await refusal(encryptLegacy(randomBytes(32), picture), "picture.encrypted"));
  const outer = await sealJwe(imageKeys.First, inner, { kid: "First" });
  expect(await refusal(Buffer.from(outer), "picture.jwe")).toBe(plain);
});
