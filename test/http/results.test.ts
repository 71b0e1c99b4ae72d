import { createCipheriv } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { takeKey } from "../../src/crypto/aes-key.js";
import { openJwe, sealJwe } from "../../src/crypto/jwe.js";
import { ImageKeys } from "../../src/keys/image-keys.js";
import { flat } from "../helpers/pictures.js";
import { evaluate, imageKeys, testApp } from "../helpers/test-app.js";

const picture = await flat("green").jpeg().toBuffer();
const name = "picture.jpg.encrypted";

function encryptCbc(plaintext: Uint8Array, key: Uint8Array): Buffer {
  const cipher = createCipheriv("aes-256-cbc", key, Buffer.alloc(16));
  return Buffer.concat([cipher.update(plaintext), cipher.final()]);
}

async function jwe(plaintext: Uint8Array, kid: string, key: Uint8Array): Promise<Buffer> {
  return Buffer.from(await sealJwe(key, plaintext, { kid }));
}

async function open(answer: string, kid: keyof typeof imageKeys): Promise<string> {
  const opened = await openJwe(Buffer.from(answer), imageKeys[kid]);
  if (opened === undefined) throw new Error("the answer does not open");
  return new TextDecoder().decode(opened);
}

describe("Accept and Results.Encrypt determine the answer's type:", () => {
  type Row = [
    encrypt: "match" | "always" | "never",
    format: "plain" | "encrypted" | "jwe",
    accept: string,
    answer: "text" | "json" | "jose" | 406,
  ];
  const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
  const rows: Row[] = [
    ["match", "plain", "*/*", "text"],
    ["match", "plain", "text/plain", "text"],
    ["match", "plain", browser, "text"],
    ["match", "plain", "application/*", "json"],
    ["match", "plain", "application/json", "json"],
    ["match", "plain", "application/jose", 406],
    ["match", "plain", "application/jose, text/plain;q=0.1", "text"],
    ["match", "plain", "image/png", 406],
    ["match", "encrypted", "*/*", "text"],
    ["match", "encrypted", "application/json", "json"],
    ["match", "encrypted", "application/jose", "jose"],
    ["match", "encrypted", "application/jose, */*;q=0.1", "jose"],
    ["match", "jwe", "*/*", "jose"],
    ["match", "jwe", "text/plain", "jose"],
    ["match", "jwe", "application/json", "jose"],
    ["always", "plain", "*/*", "text"],
    ["always", "encrypted", "*/*", "jose"],
    ["always", "encrypted", "text/plain", "jose"],
    ["always", "jwe", "application/json", "jose"],
    ["never", "encrypted", "*/*", "text"],
    ["never", "encrypted", "application/jose", 406],
    ["never", "jwe", "*/*", "text"],
    ["never", "jwe", "application/json", "json"],
    ["never", "jwe", "application/jose", 406],
  ];

  test.each(rows)("%s, %s, %s: %s", async (encrypt, format, accept, answer) => {
    const app = await testApp({ results: { Encrypt: encrypt } });
    const uploads = {
      plain: { name: "x.jpg", bytes: picture },
      encrypted: { name: "x.jpg.encrypted", bytes: encryptCbc(picture, imageKeys.Legacy) },
      jwe: { name: "x.jwe", bytes: await jwe(picture, "First", imageKeys.First) },
    };
    const { name: fileName, bytes } = uploads[format];
    const { status, headers, text } = await evaluate(app, bytes, { name: fileName, accept });
    if (answer === 406) {
      expect(status).toBe(406);
      expect(text).toContain("NOT_ACCEPTABLE");
      return;
    }
    const types = {
      text: "text/plain; charset=utf-8",
      json: "application/json; charset=utf-8",
      jose: "application/jose",
    };
    expect([status, headers["content-type"]]).toEqual([200, types[answer]]);
    const shown = answer === "jose" ? await open(text, "First") : text;
    expect(shown).toContain("green");
  });
});

describe("without a key for encrypted answers to .encrypted uploads", () => {
  const [accepts, missing] = ["expected Accept to allow", "the key for that (Results.Key)"];
  const rows: ["match" | "always", accept: string, status: number, text: string][] = [
    ["match", "*/*", 200, "green"],
    ["match", "application/json", 200, "green"],
    ["match", "application/jose", 406, accepts],
    ["always", "*/*", 406, missing],
    ["always", "application/json", 406, missing],
    ["always", "application/jose", 406, missing],
  ];

  test.each(rows)("%s, %s: %s, %s", async (encrypt, accept, ...answer) => {
    const keys = await ImageKeys.create({ ids: ["First"], legacyId: "Legacy", graceMs: 0 });
    keys.accept("Legacy", {
      key: await takeKey(Buffer.from(imageKeys.Legacy), "cbc"),
      version: undefined,
    });
    const app = await testApp({ results: { Encrypt: encrypt }, app: { keys } });
    const upload = encryptCbc(picture, imageKeys.Legacy);
    const { status, text } = await evaluate(app, upload, { name, accept });
    expect([status, text]).toEqual([answer[0], expect.stringContaining(answer[1])]);
  });
});

describe("Results.Probabilities determines which answers contain probabilities:", () => {
  const rows: ["all" | "jwe" | "none", plain: boolean, encrypted: boolean, jwe: boolean][] = [
    ["all", true, true, true],
    ["jwe", false, false, true],
    ["none", false, false, false],
  ];

  test.each(rows)("%s: plain %s, encrypted %s, jwe %s", async (setting, ...told) => {
    const app = await testApp({ results: { Probabilities: setting } });
    const uploads: [string, Buffer][] = [
      ["x.jpg", picture],
      ["x.jpg.encrypted", encryptCbc(picture, imageKeys.Legacy)],
      ["x.jwe", await jwe(picture, "First", imageKeys.First)],
    ];
    for (const [index, [fileName, bytes]] of uploads.entries()) {
      const json = await evaluate(app, bytes, { name: fileName, accept: "application/json" });
      const shown = fileName.endsWith(".jwe") ? await open(json.text, "First") : json.text;
      expect(shown).toContain('{"rank":1,"index":1,"label":"green"');
      expect(shown.includes("probability")).toBe(told[index]);
      if (fileName.endsWith(".jwe")) continue;
      const { text } = await evaluate(app, bytes, { name: fileName });
      const [, , first] = text.split("\n");
      // Python's repr of a tuple with one element.
      expect(first).toMatch(
        told[index] === true ? /^\t\('green', 99\.\d+\)$/u : /^\t\('green',\)$/u,
      );
    }
  });
});
