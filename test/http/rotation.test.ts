import { createCipheriv, createHash } from "node:crypto";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { takeKey } from "../../src/crypto/aes-key.js";
import { openJwe, sealJwe } from "../../src/crypto/jwe.js";
import { flat } from "../helpers/pictures.js";
import {
  evaluate,
  firstKeyVersion,
  imageKeys,
  testApp,
  type TestApp,
} from "../helpers/test-app.js";

const picture = await flat("green", 40, 40).png().toBuffer();
const keyFrom = (text: string): Buffer => createHash("sha256").update(text).digest();
const newKey = keyFrom("the first owner's second key");
const newLegacyKey = keyFrom("the second key of .encrypted uploads");
let confml: TestApp;

beforeEach(async () => {
  confml = await testApp();
  confml.keys.accept("First", { key: await takeKey(Buffer.from(newKey), "jwe"), version: "new" });
  confml.keys.accept("Legacy", {
    key: await takeKey(Buffer.from(newLegacyKey), "cbc"),
    version: "new",
  });
});

function cbc(key: Uint8Array): Buffer {
  const cipher = createCipheriv("aes-256-cbc", key, Buffer.alloc(16));
  return Buffer.concat([cipher.update(picture), cipher.final()]);
}

async function askJwe(kid: string, key: Uint8Array): Promise<{ status: number; text: string }> {
  const upload = Buffer.from(await sealJwe(key, picture, { kid }));
  return evaluate(confml, upload, { name: "picture.jwe", accept: "*/*" });
}

function askLegacy(key: Uint8Array, accept = "text/plain"): ReturnType<typeof evaluate> {
  return evaluate(confml, cbc(key), { name: "picture.png.encrypted", accept });
}

async function opens(answer: string, key: Uint8Array): Promise<boolean> {
  return (await openJwe(Buffer.from(answer), key)) !== undefined;
}

describe("after a rotation", () => {
  test.each([
    ["the new key under the bare ID", "First", newKey],
    ["the old key under the bare ID", "First", imageKeys.First],
    ["the new version by name", "First/new", newKey],
    ["the old version by name", `First/${firstKeyVersion}`, imageKeys.First],
  ])("%s opens a JWE, whose answer is under that very key", async (_what, kid, key) => {
    const { status, text } = await askJwe(kid, key);
    expect(status).toBe(200);
    const other = key === newKey ? imageKeys.First : newKey;
    expect([await opens(text, key), await opens(text, other)]).toEqual([true, false]);
  });

  test.each([
    ["the new version's name", "First/new", imageKeys.First],
    ["the old version's name", `First/${firstKeyVersion}`, newKey],
    ["another owner's name", "Second", newKey],
  ])("a key under %s opens nothing", async (_what, kid, key) => {
    expect((await askJwe(kid, key)).status).toBe(422);
  });

  test.each([
    ["new", newLegacyKey],
    ["old", imageKeys.Legacy],
  ])(
    "the %s key opens an .encrypted image, whose encrypted answer is under the newest key for answers",
    async (_which, key) => {
      expect((await askLegacy(key)).text).toContain("'green'");
      const { status, text } = await askLegacy(key, "application/jose");
      expect(status).toBe(200);
      const opened = await Promise.all(
        [newKey, imageKeys.First, newLegacyKey, imageKeys.Legacy].map((one) => opens(text, one)),
      );
      expect(opened).toEqual([true, false, false, false]);
      const json = await openJwe(Buffer.from(text), newKey);
      expect(JSON.parse(new TextDecoder().decode(json))).toMatchObject({
        image: { encrypted: true, authenticated: false },
      });
    },
  );

  test.each([
    ["new", newKey],
    ["old", imageKeys.First],
    ["other owner's", imageKeys.Second],
  ])("the %s JWE key opens no .encrypted image", async (_which, key) => {
    expect((await askLegacy(key)).status).toBe(422);
  });

  test.each([
    ["new", newLegacyKey],
    ["old", imageKeys.Legacy],
  ])("the %s key of .encrypted images opens no JWE, whatever its kid", async (_which, key) => {
    for (const kid of ["Legacy", "Legacy/new", "First", "Second", ""]) {
      expect((await askJwe(kid, key)).status).toBe(422);
    }
  });

  test("the old key opens nothing after its grace period", async () => {
    confml.clock.nowMs += 60_000;
    const statuses = [
      (await askJwe("First", imageKeys.First)).status,
      (await askJwe(`First/${firstKeyVersion}`, imageKeys.First)).status,
      (await askLegacy(imageKeys.Legacy)).status,
      (await askJwe("First", newKey)).status,
      (await askLegacy(newLegacyKey)).status,
    ];
    expect(statuses).toEqual([422, 422, 422, 200, 200]);
  });

  test("all refusals are the same, whatever was tried", async () => {
    const refusals = await Promise.all([
      askJwe("First", imageKeys.Second),
      askJwe("Missing", newKey),
      askJwe("Mallory", newKey),
      askJwe("First/none", newKey),
      askLegacy(imageKeys.Second),
    ]);
    expect(new Set(refusals.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
  });
});
