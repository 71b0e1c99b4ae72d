import { cp, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { measureCode } from "../emulator/measurement.js";
import { releasePolicy } from "../scripts/demo/owners.js";
import { ClassifierError } from "../src/inference/classifier-error.js";
import { tryPicture, type PictureTrial } from "../src/try-picture.js";
import { expectFailedBoot } from "./helpers/failed-boot.js";
import { authority, setScene } from "./helpers/scene.js";
import { projectFolder, runServerToItsEnd } from "./helpers/server-process.js";

describe("the trial of a picture", () => {
  const prepared = { width: 1, height: 1, format: "png", queueMs: 0, decodeMs: 0 };
  const pixels = new Uint8Array(3);
  const decoder: PictureTrial["decoder"] = {
    prepare: () => Promise.resolve({ ...prepared, pixels }),
  };
  const failing = (error: Error) => () => Promise.reject(error);

  test("sends it through the decoder to the classifier", async () => {
    const seen: unknown[] = [];
    const classify: PictureTrial["classifier"]["classify"] = (got) => {
      seen.push(got);
      return Promise.resolve({ probabilities: new Float64Array(1), queueMs: 0, inferenceMs: 0 });
    };
    await tryPicture({ decoder, classifier: { classify } });
    expect(seen).toEqual([pixels]);
  });

  test("fails where one of them does, and takes a model that fails on this picture", async () => {
    const classify = failing(new ClassifierError("MODEL_FAILED", "no answer"));
    await tryPicture({ decoder, classifier: { classify } });
    const ended = failing(new ClassifierError("MODEL_TIMEOUT", "too long"));
    await expect(tryPicture({ decoder, classifier: { classify: ended } })).rejects.toMatchObject({
      code: "TRIAL_FAILED",
    });
    const broken = { prepare: failing(new Error("no such file")) };
    await expect(tryPicture({ decoder: broken, classifier: { classify } })).rejects.toThrow(
      "got no such file",
    );
  });
});

test("a server without resize.wasm does not listen, and names the file", async () => {
  // Below the project, where Node finds the packages.
  const folder = await mkdtemp(join(projectFolder, "build/incomplete-"));
  const scene = await setScene();
  try {
    const dist = join(folder, "dist");
    await cp(join(projectFolder, "dist"), dist, { recursive: true });
    await cp(join(projectFolder, "package.json"), join(folder, "package.json"));
    await rm(join(dist, "image/resize.wasm"));
    await scene.importKeys(releasePolicy(authority, await measureCode(dist)));
    const attestation = scene.inference["Attestation"] as { EvidenceOptions: { Code: string } };
    attestation.EvidenceOptions.Code = dist;
    const launch = { ...(await scene.launch()), main: join(dist, "main.js") };
    await expectFailedBoot(await runServerToItsEnd(launch), scene, {
      code: "TRIAL_FAILED",
      exitCode: 78,
      says: /no such file or directory.*resize\.wasm.*build the server again/u,
    });
  } finally {
    await scene.close();
    await rm(folder, { recursive: true });
  }
});
