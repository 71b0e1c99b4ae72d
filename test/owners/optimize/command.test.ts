import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { subjects } from "../../../scripts/demo-model/classes.js";
import { drawPicture } from "../../../scripts/demo-model/render.js";
import { loadManifest } from "../../../src/model/manifest.js";
import { createModelSession } from "../../../src/inference/session.js";
import { tinyClassifier, tinyManifest, type Fragile } from "../../onnx/tiny-classifier.js";
import { noise } from "./tiny-network.js";
import { projectFolder } from "../../helpers/server-process.js";
import { runConfml, type EndedCommand } from "../confml-process.js";

const demo = join(projectFolder, "models/demo");
const svgLoader = { operation: ["VipsForeignLoadSvg"] };
let folder = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "confml-model-"));
  mkdirSync(join(folder, "drawn/deep"), { recursive: true });
  mkdirSync(join(folder, "noise"));
  mkdirSync(join(folder, "few"));
  // What libvips may open is set for the whole process, in which other tests may have closed it to drawings.
  sharp.unblock(svgLoader);
  await Promise.all(
    subjects.map(async (subject, index) => {
      const picture = await drawPicture(subject, 2_000_001);
      writeFileSync(join(folder, index < 8 ? "drawn" : "drawn/deep", `${index}.jpg`), picture);
    }),
  );
  sharp.block(svgLoader);
  for (let index = 0; index < 24; index += 1) {
    const grey = noise(16 * 16, index + 1).map((value) => 127 + value * 127);
    const pixels = Buffer.from([...grey].flatMap((value) => [value, value, value]));
    const raw = { width: 16, height: 16, channels: 3 } as const;
    await sharp(pixels, { raw })
      .png()
      .toFile(join(folder, "noise", `${index}.png`));
  }
  copyFileSync(join(folder, "noise/0.png"), join(folder, "few/0.png"));
  writeFileSync(join(folder, "drawn/readme.txt"), "no picture");
  writeFileSync(join(folder, "tiny.json"), JSON.stringify(tinyManifest));
  writeFileSync(join(folder, "no-model.onnx"), "no model");
  for (const fragile of ["none", "convolution", "linear"] as const) {
    writeFileSync(join(folder, `${fragile}.onnx`), tinyClassifier(fragile));
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

let before: string[] = [];
beforeEach(() => {
  before = readdirSync(folder);
});

function optimize(...args: string[]): Promise<EndedCommand> {
  return runConfml(["model", "optimize", ...args], { folder });
}

function optimizeTiny(fragile: Fragile, ...args: string[]): Promise<EndedCommand> {
  return optimize(`${fragile}.onnx`, "--manifest", "tiny.json", ...args);
}

const eightBits = ["--int8", "--pictures", "noise"];
/** Noise leaves a tiny model undecided between labels now and then. */
const undecided = ["--min-agreement", "50"];

function newFiles(): string[] {
  return readdirSync(folder).filter((name) => !before.includes(name));
}

describe("confml model optimize", () => {
  test("puts the demo model into 8 bits, compared on held-out pictures, as a server then loads it", async () => {
    const { status, stdout, stderr } = await optimize(
      join(demo, "alexnet.onnx"),
      ...["--manifest", join(demo, "model.json"), "--out", "demo.ort", "--int8"],
      ...["--pictures", "drawn"],
    );
    expect(stderr).toBe(
      "confml: warning: 16 pictures are few: with 100 or more the scales and the comparison are surer\n",
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/^8 bits, layers all \(8 of them\): .*first answer for 100 % of 16 /u);
    expect(stdout).toMatch(/held out from calibration: .*first answer for 100 % of 8 pictures/u);
    expect(stdout).toMatch(/demo\.ort: 3\.0 MB, 25 % of the original's 11\.7 MB/u);
    expect(newFiles()).toEqual(["demo.ort", "demo.ort.json"]);
    expect(statSync(join(folder, "demo.ort")).mode & 0o777).toBe(0o600);

    const manifest = await loadManifest(join(folder, "demo.ort.json"));
    expect(manifest.reference?.output).toHaveLength(16);
    expect(manifest.accuracy).toBeUndefined();
    expect(manifest.weights).toBe("packed");
    expect(stdout).toContain('"Format": "ort", "Weights": "packed"');
    expect(manifest.provenance?.["optimization"]).toContain("8 layers in 8 bits, ORT format");
    const session = await createModelSession(readFileSync(join(folder, "demo.ort")), manifest, {
      ...{ format: "ort", weights: "packed", threads: 1, maxBatch: 1 },
    });
    await session.release();
  });

  test("converts without pictures, compared on noise, and keeps what was measured", async () => {
    const { status, stdout, stderr } = await optimize(
      join(demo, "alexnet.onnx"),
      ...["--manifest", join(demo, "model.json"), "--out", "demo32.ort", "--portable"],
    );
    expect([status, stderr]).toEqual([
      0,
      "confml: warning: no --pictures: the models are compared on 16 pictures of noise\n",
    ]);
    expect(stdout).toContain("32 bits: the original's first answer for 100 % of 16 pictures");
    const manifest = await loadManifest(join(folder, "demo32.ort.json"));
    expect(manifest.accuracy?.top1).toBe(1);
    expect(manifest.weights).toBeUndefined();
    expect(stdout).toContain('"Format": "ort", "Weights": "in-place"');
  });

  test("writes 8 bits as ONNX, too", async () => {
    const { status } = await optimizeTiny(
      "none",
      "--out",
      "tiny8.onnx",
      "--format",
      "onnx",
      ...eightBits,
      ...undecided,
    );
    expect(status).toBe(0);
    const manifest = await loadManifest(join(folder, "tiny8.onnx.json"));
    const session = await createModelSession(readFileSync(join(folder, "tiny8.onnx")), manifest, {
      ...{ format: "onnx", weights: "packed", threads: 1, maxBatch: 1 },
    });
    await session.release();
  });

  test("leaves convolutions in 32 bits where their answers change", async () => {
    const { status, stdout } = await optimizeTiny(
      "convolution",
      "--out",
      "mixed.ort",
      ...eightBits,
    );
    expect(stdout).toContain("8 bits, layers all (2 of them)");
    expect(stdout).toContain("8 bits, layers linear (1 of them)");
    expect(status).toBe(0);
    const { provenance } = await loadManifest(join(folder, "mixed.ort.json"));
    expect(provenance?.["optimization"]).toContain("1 layer in 8 bits");
  });

  test.each([
    ["linear", [], /at least 99 % of the first answers .* are$/mu],
    ["convolution", ["--layers", "all"], /nothing written/u],
    ["linear", ["--min-agreement", "99.9"], /at least 99\.9 %/u],
  ] as const)(
    "refuses a model whose %s layers do not bear 8 bits (%j)",
    async (fragile, args, message) => {
      const { status, stderr } = await optimizeTiny(
        fragile,
        "--out",
        "never.ort",
        ...eightBits,
        ...args,
      );
      expect([status, newFiles()]).toEqual([1, []]);
      expect(stderr).toMatch(message);
      expect(stderr).toMatch(/confml: hint: /u);
    },
  );

  test("writes it all the same where its owner asks for less", async () => {
    const args = ["--out", "worse.ort", "--min-agreement", "0", ...eightBits];
    expect((await optimizeTiny("linear", ...args)).status).toBe(0);
  });

  test("overwrites with --force alone, and leaves no other mode behind", async () => {
    writeFileSync(join(folder, "there.ort"), "before");
    chmodSync(join(folder, "there.ort"), 0o644);
    const refused = await optimizeTiny("none", "--out", "there.ort");
    expect([refused.status, refused.stderr]).toEqual([
      1,
      "confml: error: there.ort exists, and stays as it is\nconfml: hint: --force (-f) replaces it\n",
    ]);
    expect(readFileSync(join(folder, "there.ort"), "utf8")).toBe("before");
    expect((await optimizeTiny("none", "--out", "there.ort", "--force")).status).toBe(0);
    expect(statSync(join(folder, "there.ort")).size).toBeGreaterThan(1000);
    expect(statSync(join(folder, "there.ort")).mode & 0o777).toBe(0o600);
  });

  test("leaves out pictures that it cannot read, with a warning", async () => {
    mkdirSync(join(folder, "mixed"));
    for (let index = 0; index < 20; index += 1) {
      copyFileSync(join(folder, `noise/${index}.png`), join(folder, `mixed/${index}.png`));
    }
    writeFileSync(join(folder, "mixed/broken.png"), "no picture");
    const args = [
      "--out",
      "left-out.ort",
      "--int8",
      "--pictures",
      "mixed",
      "--pictures",
      "few/0.png",
      ...undecided,
    ];
    const { status, stderr, stdout } = await optimizeTiny("none", ...args);
    expect(stderr).toContain(
      "confml: warning: mixed/broken.png is left out: IMAGE_UNSUPPORTED: expected",
    );
    expect(stdout).toContain("of 21 pictures");
    expect(status).toBe(0);
  });

  const out = ["--manifest", "tiny.json", "--out", "never.ort"];
  test.each([
    [[], 64, "give one MODEL.onnx"],
    [["none.onnx"], 64, "--manifest is missing"],
    [["none.onnx", "--manifest", "tiny.json"], 64, "--out is missing"],
    [["none.onnx", ...out, "--layers", "all"], 64, "--layers belongs to --int8"],
    [["none.onnx", ...out, "--int8", "--layers", "some"], 64, "--layers wants all or linear"],
    [["none.onnx", ...out, "--format", "tflite"], 64, "--format wants onnx or ort"],
    [["none.onnx", ...out, "--format", "onnx"], 64, "--format onnx is for --int8"],
    [["none.onnx", ...out, "--min-agreement", "101"], 64, "--min-agreement wants a number from 0"],
    [["none.onnx", ...out, "--min-agreement", "-1"], 64, "--min-agreement"],
    [
      ["none.onnx", "--manifest", "tiny.json", "--out", "none.onnx", "--force"],
      64,
      "is what is read",
    ],
    [
      ["none.onnx", ...out, "--int8"],
      1,
      "--int8 needs at least 16 pictures to calibrate with; got 0",
    ],
    [["none.onnx", ...out, "--int8", "--pictures", "few"], 1, "got 1"],
    [["none.onnx", ...out, "--pictures", "nowhere"], 1, "nowhere"],
    [["nowhere.onnx", ...out], 1, "nowhere.onnx"],
    [["no-model.onnx", ...out], 1, "no-model.onnx: MODEL_INVALID: loading the model"],
    [["none.onnx", "--manifest", "no-model.onnx", "--out", "never.ort"], 1, "reading the manifest"],
  ])("explains what is wrong with %j", async (args, status, message) => {
    const failed = await optimize(...args);
    expect([failed.status, failed.stdout, newFiles()]).toEqual([status, "", []]);
    expect(failed.stderr).toMatch(/confml: error: /u);
    expect(failed.stderr).toContain(message);
  });

  test("refuses --int8 for a model without a layer that can run in 8 bits", async () => {
    const models = join(projectFolder, "test/fixtures/models");
    const args = ["--manifest", join(models, "colours.json"), "--out", "never.ort", ...eightBits];
    const failed = await optimize(join(models, "colours.onnx"), ...args);
    expect([failed.status, newFiles()]).toEqual([1, []]);
    expect(failed.stderr).toContain("confml: error: nothing of this model can run in 8 bits\n");
  });

  test("tells how to use it", async () => {
    const { status, stdout } = await optimize("--help");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Usage: confml model optimize MODEL\.onnx --manifest FILE --out FILE/u);
    expect(stdout.split("\n").every((line) => line.length <= 90)).toBe(true);
    const alone = await runConfml(["model"], { folder });
    expect([alone.status, alone.stderr]).toEqual([
      64,
      "confml: error: model wants one of encrypt and optimize\nconfml: hint: see confml model --help\n",
    ]);
  });
});
