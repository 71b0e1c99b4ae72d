import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { loadManifest } from "../../src/model/manifest.js";
import { createModelSession } from "../../src/inference/session.js";
import { loadOptions } from "../helpers/load-options.js";
import { flat } from "../helpers/pictures.js";
import { projectFolder } from "../helpers/server-process.js";
import { evaluate, imageKeys, testApp, type TestApp } from "../helpers/test-app.js";
import { encrypt } from "../helpers/scene.js";
import { answersNaN, variantModel } from "../inference/hostile-models.js";

async function appWithNaN(): Promise<TestApp> {
  const manifest = await loadManifest(join(projectFolder, "test/fixtures/models/colours.json"));
  const session = await createModelSession(variantModel(answersNaN), manifest, loadOptions);
  return testApp({ session });
}

const magenta = (): Promise<Buffer> =>
  sharp({ create: { width: 60, height: 40, channels: 3, background: "#ff00ff" } })
    .png()
    .toBuffer();

describe("a picture for which the model gives no valid answer", () => {
  test("gets MODEL_FAILED, plain or encrypted, and the server continues", async () => {
    const app = await appWithNaN();
    const plain = await evaluate(app, await magenta());
    expect([plain.status, plain.text]).toEqual([
      500,
      "MODEL_FAILED: the model has no answer to this picture",
    ]);
    const sealed = encrypt(await magenta(), imageKeys.Legacy);
    const encrypted = await evaluate(app, sealed, {
      name: "picture.encrypted",
      accept: "application/json",
    });
    expect([encrypted.status, encrypted.body]).toEqual([
      500,
      {
        type: "about:blank",
        title: "Model failed",
        status: 500,
        code: "MODEL_FAILED",
        detail: "the model has no answer to this picture",
        request_id: encrypted.headers["x-request-id"],
      },
    ]);
    const red = await evaluate(app, await flat("red").png().toBuffer());
    expect([red.status, app.bugs]).toEqual([200, []]);
    expect(app.summaries.map(({ code }) => code)).toEqual([
      "MODEL_FAILED",
      "MODEL_FAILED",
      undefined,
    ]);
  });

  test("does not affect the answers to nine others", async () => {
    const app = await appWithNaN();
    const names = ["red", "green", "blue"] as const;
    const files = await Promise.all(names.map((name) => flat(name).png().toBuffer()));
    const bad = evaluate(app, await magenta());
    const others = Array.from({ length: 9 }, (_, at) =>
      evaluate(app, files[at % 3] ?? Buffer.alloc(0), { query: "?top=1" }),
    );
    const [failed, ...answers] = await Promise.all([bad, ...others]);
    expect(failed.status).toBe(500);
    answers.forEach(({ status, text }, at) => {
      expect([status, text]).toEqual([
        200,
        expect.stringContaining(`('${names[at % 3] ?? ""}', 99.`),
      ]);
    });
  });
});
