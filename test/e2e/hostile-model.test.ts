import { readdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { expectFailedBoot, type ExpectedEnd } from "../helpers/failed-boot.js";
import { flat } from "../helpers/pictures.js";
import { encrypt, setScene, type Scene } from "../helpers/scene.js";
import { runServerToItsEnd, startServer, type ServerProcess } from "../helpers/server-process.js";
import { answerNaming, upload, type TextAnswer } from "../helpers/upload.js";
import { node } from "../owners/optimize/tiny-network.js";
import {
  answersNaN,
  failsForThree,
  hangsWhenTriggered,
  hugeTensor,
  mixesBatch,
  mixesWhenTriggered,
  nestedIfs,
  neverEnds,
  variantModel,
  type ModelVariant,
} from "../inference/hostile-models.js";

const names = ["red", "green", "blue"] as const;
let scene: Scene;
let server: ServerProcess | undefined;

beforeEach(async () => {
  scene = await setScene();
  await scene.importKeys();
});

afterEach(async () => {
  await server?.stop();
  server = undefined;
  await scene.close();
});

async function publish(variant: ModelVariant, limits: Record<string, number> = {}): Promise<void> {
  await scene.publishModel(encrypt(variantModel(variant), scene.modelKey));
  scene.inference["Limits"] = limits;
}

async function serve(
  variant: ModelVariant,
  limits?: Record<string, number>,
): Promise<ServerProcess> {
  await publish(variant, limits);
  server = await startServer(await scene.launch());
  return server;
}

const magenta = (): Promise<Buffer> =>
  sharp({ create: { width: 60, height: 40, channels: 3, background: "#ff00ff" } })
    .png()
    .toBuffer();

/** Red, green and blue pictures, alternately encrypted and plain. */
async function honestUploads(port: number, count: number): Promise<TextAnswer[]> {
  const pictures = await Promise.all(names.map((name) => flat(name).png().toBuffer()));
  return Promise.all(
    Array.from({ length: count }, (_, at) => {
      const picture = pictures[at % 3] ?? Buffer.alloc(0);
      return at % 2 === 0
        ? upload(port, "a.png.encrypted", encrypt(picture, scene.imageKey))
        : upload(port, "a.png", picture);
    }),
  );
}

function expectRightAnswers(answers: readonly TextAnswer[]): void {
  answers.forEach(({ status, text }, at) => {
    expect([status, text]).toEqual([200, expect.stringMatching(answerNaming(names[at % 3] ?? ""))]);
  });
}

describe("beside a picture for which the model", () => {
  test("answers NaN, nine other clients get the right answers", async () => {
    const { port, output } = await serve(answersNaN);
    for (let round = 0; round < 3; round += 1) {
      const [bad, answers] = await Promise.all([
        upload(port, "bad.png", await magenta()),
        honestUploads(port, 9),
      ]);
      expect([bad.status, bad.text]).toEqual([
        500,
        "MODEL_FAILED: the model has no answer to this picture",
      ]);
      expectRightAnswers(answers);
    }
    expect(output()).toContain('"fault":"not finite"');
    expect(output()).not.toContain("onnxruntime");
  });

  test("hangs, nine other clients get an answer or a 503, and the server ends without leaving a key", async () => {
    const { port, output, exited } = await serve(hangsWhenTriggered, { RunTimeoutMs: 500 });
    expect(readdirSync(scene.keysFolder).sort()).toEqual(["image.key", "model.key", "seal.key"]);
    expectRightAnswers(await honestUploads(port, 9));
    const bad = upload(port, "bad.png", await magenta());
    const [{ status, text }, answers] = await Promise.all([bad, honestUploads(port, 9)]);
    expect([status, text]).toEqual([
      503,
      "MODEL_TIMEOUT: the model did not end in time with this picture or one beside it",
    ]);
    // From now on the server is not ready, or has ended.
    const ready = await fetch(`http://127.0.0.1:${port}/v2/health/ready`).then(
      (response) => response.status,
      () => "no connection",
    );
    expect([503, "no connection"]).toContain(ready);
    for (const answer of answers) {
      if (answer.status === 200) continue;
      expect([answer.status, answer.text]).toEqual([
        503,
        expect.stringMatching(/^(?:MODEL_TIMEOUT|SHUTTING_DOWN): /u),
      ]);
    }
    expect(await exited).toBe(75);
    expect(output()).toMatch(
      /\nconfml: error: MODEL_TIMEOUT: running the model: expected an end within Inference\.Limits\.RunTimeoutMs; got none after 500 ms\. [^\n]*\n$/u,
    );
    expect(readdirSync(scene.keysFolder)).toEqual([]);
  });

  test("mixes its batch, the owner's pictures are not in it", async () => {
    const { port } = await serve(mixesWhenTriggered);
    for (let round = 0; round < 3; round += 1) {
      const red = await flat("red").png().toBuffer();
      const answers = await Promise.all(
        Array.from({ length: 18 }, async (_, at) =>
          at % 2 === 0
            ? upload(port, "bad.png", await magenta())
            : upload(port, "a.png.encrypted", encrypt(red, scene.imageKey)),
        ),
      );
      answers.forEach(({ status, text }, at) => {
        if (at % 2 === 0) expect(status).toBe(200);
        else expect([status, text]).toEqual([200, expect.stringMatching(answerNaming("red"))]);
      });
    }
  });
});

test.each([
  ["mixes every batch", mixesBatch],
  ["fails for batches of three and more", failsForThree],
])("a model that %s runs one picture at a time, and the log says so", async (_, variant) => {
  const { port, output } = await serve(variant);
  expectRightAnswers(await honestUploads(port, 18));
  expect(output()).not.toContain("[E:onnxruntime");
  expect(output()).toMatch(
    /"reason":"[^"]*batch[^"]*","msg":"the model runs one picture at a time"/u,
  );
});

test.each<[string, ModelVariant, ExpectedEnd]>([
  [
    "wants a tensor of 2^40 numbers",
    hugeTensor(2 ** 40),
    { code: "MODEL_OUT_OF_MEMORY", exitCode: 78, says: /bad_alloc.*Raise MemorySize/u },
  ],
  [
    "has 30 Ifs inside each other",
    nestedIfs(30),
    { code: "MODEL_INVALID", exitCode: 77, says: /expected If, Loop and Scan at most 16 deep/u },
  ],
  [
    "has a batch fixed at 4,000,000",
    { nodes: [node("Identity", ["honest"], "scores")], batch: 4_000_000 },
    {
      code: "MODEL_INVALID",
      exitCode: 77,
      says: /expected a batch of at most Inference\.Limits\.MaxBatch pictures \(8\)/u,
    },
  ],
])("a model that %s is refused in one line that says so", async (_, variant, end) => {
  await publish(variant);
  await expectFailedBoot(await runServerToItsEnd(await scene.launch()), scene, end);
});

test("a model that never ends is refused, and leaves no key", async () => {
  await publish(neverEnds, { RunTimeoutMs: 500 });
  await expectFailedBoot(await runServerToItsEnd(await scene.launch()), scene, {
    code: "MODEL_TIMEOUT",
    exitCode: 75,
    says: /running the model: expected an end within Inference\.Limits\.RunTimeoutMs; got none after 500 ms/u,
  });
});
