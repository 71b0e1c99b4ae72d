import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { requireSame } from "../../../scripts/tee/build.js";
import { readReleaseConfig } from "../../../scripts/tee/release-config.js";
import type { CommandFailure } from "../../../scripts/exit.js";
import {
  goodConfigurations,
  hostileConfigurations,
  saying,
} from "../../config/hostile-configurations.js";
import { projectFolder } from "../../helpers/server-process.js";

const text = readFileSync(join(projectFolder, "config.json"), "utf8");

describe("a configuration for production", () => {
  let folder = "";

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "confml-release-config-"));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  function write(name: string, content: string): string {
    const file = join(folder, name);
    writeFileSync(file, content);
    return file;
  }

  test("is the project's own, but for the model's hash", async () => {
    const { warnings, ...identity } = await readReleaseConfig(write("own.json", text));
    expect(identity).toEqual({ productId: 1, securityVersion: 1 });
    expect(warnings).toEqual([expect.stringContaining("Model.Sha256 is the example's")]);
    const hash = text.replace(/"Sha256": "0+"/u, `"Sha256": "${"1".repeat(64)}"`);
    expect(await readReleaseConfig(write("real.json", hash))).toMatchObject({ warnings: [] });
  });

  test.each(goodConfigurations)("may have %s", async (_, content) => {
    await expect(readReleaseConfig(write("good.json", content))).resolves.toMatchObject({
      productId: 1,
      securityVersion: 1,
    });
  });

  test.each(hostileConfigurations)("has not $title", async ({ text: content, says }) => {
    const file = write("wrong.json", content);
    const thrown: unknown = await readReleaseConfig(file).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ exitCode: 65 });
    const { message, hints } = thrown as CommandFailure;
    expect(message).toContain(file);
    expect([message, ...hints].join("\n")).toMatch(saying(says));
  });

  test("is told all that is wrong at once", async () => {
    const wrong = text.replace('"Debug": 0', '"Debug": 1').replace('"sgx"', '"/made/up.js"');
    await expect(readReleaseConfig(write("wrong.json", wrong))).rejects.toMatchObject({
      message: `${join(folder, "wrong.json")} is not for production`,
      hints: [
        expect.stringMatching(/^Debug: expected 0.*; got 1\. Correct the value\.$/u),
        expect.stringMatching(/^Inference\.Attestation\.Evidence: expected "sgx"; got/u),
      ],
    });
  });

  test.each([
    ["is no JSON", "{", "JSON"],
    ["the server would refuse", text.replace('"Port": 8000', '"Port": 800000'), "Listen.Port"],
  ])("is not one that %s", async (_, content, message) => {
    const reading = readReleaseConfig(write("broken.json", content));
    await expect(reading).rejects.toMatchObject({ exitCode: 65 });
    await expect(reading).rejects.toThrow(message);
  });

  test("is the same inside the file system and beside it", async () => {
    const [one, same] = [write("one.json", text), write("same.json", text)];
    await expect(requireSame(one, same)).resolves.toBeUndefined();
    const other = write("other.json", `${text} `);
    await expect(requireSame(one, other)).rejects.toThrow(`${other} is not the same as ${one}`);
  });
});
