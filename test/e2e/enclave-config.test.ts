import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  goodConfigurations,
  hostileConfigurations,
  saying,
} from "../config/hostile-configurations.js";
import { projectFolder } from "../helpers/server-process.js";

const insideSgx = join(projectFolder, "test/fixtures/platform/mystikos-sgx.mjs");
const outsideSgx = join(projectFolder, "dist/main.js");

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-enclave-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Boots without credentials: if the configuration is accepted, the boot fails with ENVIRONMENT_INCOMPLETE. */
async function boot(script: string, text: string): Promise<{ code: unknown; stderr: string }> {
  const file = join(folder, "config.json");
  await writeFile(file, text);
  const child = spawn(process.execPath, [script, "--config", file], {
    env: {},
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (printed: string) => {
    stderr += printed;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  return { code, stderr };
}

const hostile = (title: string): (typeof hostileConfigurations)[number] => {
  const found = hostileConfigurations.find((one) => one.title === title);
  if (found === undefined) throw new Error(`no configuration has ${title}`);
  return found;
};

describe("a server under SGX", () => {
  test.each(["host: Node's options", "an inspector", "a key twice", "stand-ins of Azure"])(
    "exits with 78 and one line of output for a configuration with %s",
    async (title) => {
      const { text, says } = hostile(title);
      const { code, stderr } = await boot(insideSgx, text);
      expect(stderr).toMatch(/^confml: error: CONFIG_INVALID: reading [^\n]+\.\n$/u);
      expect(stderr).toMatch(saying(says));
      expect(code).toBe(78);
    },
  );

  test("accepts the configuration that make package accepts", async () => {
    const [, text = ""] = goodConfigurations[0] ?? [];
    expect((await boot(insideSgx, text)).stderr).toContain("ENVIRONMENT_INCOMPLETE");
  });
});

test("a server outside SGX does not check Mystikos' settings", async () => {
  const { text } = hostile("an inspector");
  expect((await boot(outsideSgx, text)).stderr).toContain("ENVIRONMENT_INCOMPLETE");
});
