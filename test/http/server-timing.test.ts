import { beforeAll, describe, expect, test } from "@jest/globals";
import request from "supertest";
import { sealJwe } from "../../src/crypto/jwe.js";
import { encrypt } from "../helpers/scene.js";
import { flat } from "../helpers/pictures.js";
import { evaluate, imageKeys, testApp, type TestApp } from "../helpers/test-app.js";

let confml: TestApp;
let picture: Buffer;

beforeAll(async () => {
  confml = await testApp();
  picture = await flat("red").png().toBuffer();
});

describe("Server-Timing", () => {
  test("has the durations of the JSON answer", async () => {
    const { headers, text } = await evaluate(confml, picture, { accept: "application/json" });
    const { timings_ms: timings } = JSON.parse(text) as { timings_ms: Record<string, number> };
    expect(headers["server-timing"]).toBe(
      `queue;dur=${timings["queue"]}, decode;dur=${timings["decode"]}, inference;dur=${timings["inference"]}`,
    );
    const plain = await evaluate(confml, picture);
    expect(plain.headers["server-timing"]).toMatch(
      /^queue;dur=[\d.]+, decode;dur=[\d.]+, inference;dur=[\d.]+$/u,
    );
  });

  test("stands in answers that are not encrypted alone", async () => {
    const jwe = Buffer.from(await sealJwe(imageKeys.First, picture, { kid: "First" }));
    const legacy = encrypt(picture, imageKeys.Legacy);
    const sent: [Buffer, string, string | undefined, boolean][] = [
      [jwe, "a.jwe", undefined, false],
      [legacy, "a.png.encrypted", "application/jose", false],
      [legacy, "a.png.encrypted", "application/json", true],
      [legacy, "a.png.encrypted", undefined, true],
    ];
    for (const [bytes, name, accept, isShown] of sent) {
      const part = accept === undefined ? { name } : { name, accept };
      const { status, headers } = await evaluate(confml, bytes, part);
      expect([name, accept, status, "server-timing" in headers]).toEqual([
        name,
        accept,
        200,
        isShown,
      ]);
    }
  });

  test("stands in no error, above all not in that to an upload which is rejected", async () => {
    const rejected = encrypt(Buffer.from("no picture"), imageKeys.Legacy);
    const answers = [
      await evaluate(confml, rejected, { name: "a.encrypted", accept: "application/json" }),
      await evaluate(confml, Buffer.from("no token"), { name: "a.jwe" }),
      await evaluate(confml, Buffer.from("no picture"), { accept: "application/json" }),
      await request(confml.app).get("/nothing"),
    ];
    expect(answers.map(({ status }) => status)).toEqual([422, 422, 415, 404]);
    for (const { headers } of answers) expect(headers).not.toHaveProperty("server-timing");
  });
});
