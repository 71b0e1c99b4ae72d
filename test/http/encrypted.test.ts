import { createCipheriv } from "node:crypto";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { CompactEncrypt } from "jose";
import { openJwe, readKid, sealJwe } from "../../src/crypto/jwe.js";
import { flat } from "../helpers/pictures.js";
import {
  evaluate,
  firstKeyVersion,
  imageKeys,
  modelKey,
  testApp,
  type Part,
  type TestApp,
} from "../helpers/test-app.js";

let confml: TestApp;
let picture: Buffer;

beforeAll(async () => {
  confml = await testApp();
  picture = await flat("green").jpeg().toBuffer();
});

const name = "picture.jpg.encrypted";
const jose: Part = { name: "picture.jwe", accept: "*/*" };

function encryptCbc(plaintext: Uint8Array, key: Uint8Array, padding = true): Buffer {
  const cipher = createCipheriv("aes-256-cbc", key, Buffer.alloc(16)).setAutoPadding(padding);
  return Buffer.concat([cipher.update(plaintext), cipher.final()]);
}

async function jwe(plaintext: Uint8Array, kid: string, key: Uint8Array): Promise<Buffer> {
  return Buffer.from(await sealJwe(key, plaintext, { kid }));
}

async function open(answer: string, kid: keyof typeof imageKeys) {
  const opened = await openJwe(Buffer.from(answer), imageKeys[kid]);
  if (opened === undefined) throw new Error("the answer does not open");
  return { kid: readKid(Buffer.from(answer)), text: new TextDecoder().decode(opened) };
}

describe("an .encrypted upload", () => {
  test("is answered exactly like the plain picture", async () => {
    const plain = await evaluate(confml, picture, { name: "picture.jpg" });
    const encrypted = await evaluate(confml, encryptCbc(picture, imageKeys.Legacy), { name });
    expect([encrypted.status, encrypted.text]).toEqual([200, plain.text]);
  });

  test("gets the same answer whatever its padding contains", async () => {
    const block = Math.ceil((picture.length + 1) / 16) * 16;
    const answers = new Set<string>();
    for (const filler of [0x00, 0x01, 0x11, 0xff]) {
      const padded = Buffer.alloc(block, filler);
      picture.copy(padded);
      const upload = encryptCbc(padded, imageKeys.Legacy, false);
      const { status, text } = await evaluate(confml, upload, { name });
      answers.add(`${status} ${text}`);
    }
    expect([...answers]).toEqual([expect.stringMatching(/^200 .*\n.*\n\t\('green'/u)]);
  });

  test("is not opened under another owner's key, because the format names no owner", async () => {
    const upload = encryptCbc(picture, imageKeys.Second);
    expect((await evaluate(confml, upload, { name })).status).toBe(422);
  });
});

describe("a .jwe upload", () => {
  test.each([
    ["First", "First"],
    ["Second", "Second"],
    [`First/${firstKeyVersion}`, "First"],
  ] as const)("under kid %s is answered as JWE under that owner's key", async (kid, owner) => {
    const { status, text, headers } = await evaluate(
      confml,
      await jwe(picture, kid, imageKeys[owner]),
      jose,
    );
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("application/jose");
    const opened = await open(text, owner);
    expect(opened.kid).toBe(kid);
    expect(opened.text.length).toBe(4096);
    expect(JSON.parse(opened.text)).toMatchObject({
      image: { format: "jpeg", encrypted: true },
      predictions: [{ label: "green" }, {}, {}],
    });
  });

  test("gets an answer whose length does not depend on the picture, for any `top`", async () => {
    // A label so long that answers without it would be shorter.
    const app = await testApp({ labels: ["red", "g".repeat(5000), "blue"] });
    for (const [query, bytes] of [
      ["?top=1", 8192],
      ["?top=2", 8192],
      ["?top=3", 8192],
    ] as const) {
      for (const colour of ["red", "green"] as const) {
        const file = await flat(colour).png().toBuffer();
        const upload = await jwe(file, "First", imageKeys.First);
        const { text } = await evaluate(app, upload, { ...jose, query });
        expect((await open(text, "First")).text).toHaveLength(bytes);
      }
    }
  });

  test("is recognised by its media type as well as by its name", async () => {
    const upload = await jwe(picture, "First", imageKeys.First);
    const part = { name: "blob", type: "application/jose" };
    expect((await evaluate(confml, upload, part)).headers["content-type"]).toBe("application/jose");
  });

  test("may end with a line break, and may use dir", async () => {
    const token = await new CompactEncrypt(picture)
      .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: "First" })
      .encrypt(imageKeys.First);
    expect((await evaluate(confml, Buffer.from(`${token}\r\n`), jose)).status).toBe(200);
  });
});

describe("an invalid encrypted upload", () => {
  test("gets the same answer whatever is wrong with it", async () => {
    const strict = await testApp({ imageLimits: { maxPixels: 4000 } });
    const key = imageKeys.First;
    const legacyKey = imageKeys.Legacy;
    const large = await flat("red", 100, 100).png().toBuffer();
    const good = await jwe(picture, "First", key);
    const header = (change: object): Promise<Buffer> =>
      new CompactEncrypt(picture)
        .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: "First", ...change })
        .encrypt(key)
        .then((token) => Buffer.from(token));
    const uploads: [string, string, Buffer][] = [
      ["another key", name, encryptCbc(picture, imageKeys.Second)],
      ["garbage of whole blocks", name, Buffer.alloc(160, 7)],
      ["half a block", name, encryptCbc(picture, legacyKey).subarray(0, 24)],
      ["nothing", name, Buffer.alloc(0)],
      ["no picture inside", name, encryptCbc(Buffer.from("text"), legacyKey)],
      ["too many pixels inside", name, encryptCbc(large, legacyKey)],
      ["a JWE by name only", "x.jwe", Buffer.from("not a token")],
      ["nothing at all", "x.jwe", Buffer.alloc(0)],
      ["no such kid", "x.jwe", await jwe(picture, "Third", key)],
      ["the model's own key", "x.jwe", await jwe(picture, "Model", modelKey)],
      ["no such version", "x.jwe", await jwe(picture, "First/ffff", key)],
      ["more than a version", "x.jwe", await jwe(picture, `First/${firstKeyVersion}/x`, key)],
      ["no kid", "x.jwe", await header({ kid: undefined })],
      ["another owner's key", "x.jwe", await jwe(picture, "First", imageKeys.Second)],
      ["the key of .encrypted uploads", "x.jwe", await jwe(picture, "Legacy", legacyKey)],
      ["a JWE key", name, encryptCbc(picture, key)],
      ["an altered token", "x.jwe", Buffer.concat([good.subarray(0, -4), Buffer.from("AAAA")])],
      ["no picture in the token", "x.jwe", await jwe(Buffer.from("text"), "First", key)],
      ["too many pixels in the token", "x.jwe", await jwe(large, "First", key)],
      ["a plain picture by another name", "x.jwe", picture],
    ];
    // The same identifier for all requests, which is a part of the answer.
    const traceparent = `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`;
    const answers = new Map<string, string[]>();
    for (const [what, fileName, bytes] of uploads) {
      const sent = evaluate(strict, bytes, { name: fileName }).set("traceparent", traceparent);
      const { status, headers, text } = await sent;
      const answer = JSON.stringify([status, { ...headers, date: undefined }, text]);
      answers.set(answer, [...(answers.get(answer) ?? []), what]);
    }
    expect([...answers.values()]).toEqual([uploads.map(([what]) => what)]);
    expect([...answers.keys()][0]).toContain("[422,");
    expect([...answers.keys()][0]).toContain(
      "ENCRYPTED_IMAGE_REJECTED: expected a picture encrypted",
    );
    expect(strict.bugs).toEqual([]);
  });
});

describe("an upload in a format that the configuration does not allow", () => {
  test.each([
    [["jwe"], 403, 403, 200],
    [["plain", "jwe"], 200, 403, 200],
    [["encrypted"], 403, 200, 403],
  ] as const)("is refused before it is read: %j", async (formats, plain, encrypted, sealed) => {
    const app = await testApp({ app: { formats } });
    const part = { accept: "*/*" };
    const statuses = [
      (await evaluate(app, picture, { name: "x.jpg", ...part })).status,
      (await evaluate(app, encryptCbc(picture, imageKeys.Legacy), { name, ...part })).status,
      (await evaluate(app, await jwe(picture, "First", imageKeys.First), jose)).status,
    ];
    expect(statuses).toEqual([plain, encrypted, sealed]);
  });
});

describe("the stage metrics", () => {
  test("show of a refused upload only that it arrived, whatever is wrong with it", async () => {
    const app = await testApp();
    const uploads: [string, Buffer][] = [
      [name, encryptCbc(Buffer.from("text"), imageKeys.Legacy)],
      [name, Buffer.alloc(24)],
      ["x.jwe", await jwe(Buffer.from("text"), "First", imageKeys.First)],
      ["x.jwe", await jwe(picture, "First", imageKeys.Second)],
      ["x.jwe", await jwe(picture, "Nobody", imageKeys.First)],
    ];
    for (const [fileName, bytes] of uploads) {
      app.stages.length = 0;
      expect((await evaluate(app, bytes, { name: fileName })).status).toBe(422);
      expect(app.stages.map(({ stage }) => stage)).toEqual(["upload"]);
    }
  });
});
