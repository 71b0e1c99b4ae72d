import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CompactEncrypt } from "jose";
import { expectFailedBoot } from "../helpers/failed-boot.js";
import { flat } from "../helpers/pictures.js";
import { encrypt, setScene, type Scene } from "../helpers/scene.js";
import {
  projectFolder,
  runServerToItsEnd,
  startServer,
  type ServerProcess,
} from "../helpers/server-process.js";
import { answerNaming, upload } from "../helpers/upload.js";

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

const model = readFile(join(projectFolder, "test/fixtures/models/colours.onnx"));

async function seal(key: Uint8Array): Promise<Buffer> {
  const jwe = new CompactEncrypt(await model).setProtectedHeader({ alg: "A256KW", enc: "A256GCM" });
  return Buffer.from(await jwe.encrypt(key));
}

test("a server whose Model.Url ends in .jwe serves the model that it decrypts", async () => {
  await scene.publishModel(await seal(scene.modelKey), "colours.onnx.jwe");
  server = await startServer(await scene.launch());
  const { status, text } = await upload(server.port, "a.png", await flat("green").png().toBuffer());
  expect([status, text]).toEqual([200, expect.stringMatching(answerNaming("green"))]);
});

test.each([
  ["an .encrypted model under a name that ends in .jwe", "colours.onnx.jwe", encrypt, /a JWE/u],
  ["a JWE under a name that does not end in .jwe", "colours.onnx", sealFor, /AES-256-CBC/u],
])("%s is refused", async (_what, name, make, says) => {
  await scene.publishModel(await make(await model, scene.modelKey), name);
  await expectFailedBoot(await runServerToItsEnd(await scene.launch()), scene, {
    code: "MODEL_KEY_WRONG",
    exitCode: 77,
    says,
  });
});

function sealFor(_plaintext: Uint8Array, key: Uint8Array): Promise<Buffer> {
  return seal(key);
}
