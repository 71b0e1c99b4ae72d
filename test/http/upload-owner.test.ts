import { expect, test } from "@jest/globals";
import { sealJwe } from "../../src/crypto/jwe.js";
import type { Classifier } from "../../src/inference/classifier.js";
import { flat } from "../helpers/pictures.js";
import { encrypt } from "../helpers/scene.js";
import { evaluate, imageKeys, testApp } from "../helpers/test-app.js";

test("each picture is classified under the key that opened it", async () => {
  const owners: (object | undefined)[] = [];
  const classifier: Classifier = {
    model: {
      name: "observed",
      version: "1",
      labels: ["one"],
      input: { name: "in", shape: [-1, 3, 32, 32] },
      output: { name: "out", shape: [-1, 1] },
    },
    classify: (_pixels, _signal, owner) => {
      owners.push(owner);
      return Promise.resolve({ probabilities: Float64Array.of(1), queueMs: 0, inferenceMs: 0 });
    },
  };
  const app = await testApp({ app: { classifier } });
  const picture = await flat("red").png().toBuffer();
  const jwe = async (kid: keyof typeof imageKeys): Promise<Buffer> =>
    Buffer.from(await sealJwe(imageKeys[kid], picture, { kid }));
  const uploads: [Buffer, string][] = [
    [picture, "a.png"],
    [await jwe("First"), "b.jwe"],
    [await jwe("Second"), "c.jwe"],
    [encrypt(picture, imageKeys.Legacy), "d.encrypted"],
    [await jwe("First"), "e.jwe"],
    [encrypt(picture, imageKeys.Legacy), "f.encrypted"],
    [picture, "g.png"],
  ];
  for (const [bytes, name] of uploads) {
    expect((await evaluate(app, bytes, { name, accept: "*/*" })).status).toBe(200);
  }
  const different = owners.slice(0, 4);
  expect(different[0]).toBeUndefined();
  expect(new Set(different).size).toBe(4);
  expect(owners.slice(4).map((owner) => different.indexOf(owner))).toEqual([1, 3, 0]);
});
