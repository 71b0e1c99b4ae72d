import { spawnSync } from "node:child_process";
import { expect, test } from "@jest/globals";
import { projectFolder } from "../helpers/server-process.js";

function check(config: string, manifest: string) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["scripts/check-config.mjs", "dist", config, manifest],
    { cwd: projectFolder, encoding: "utf8" },
  );
  return { status, stdout, stderr };
}

test("the configuration and the manifest of the repository are valid", () => {
  expect(check("config.json", "models/demo/model.json")).toEqual({
    status: 0,
    stdout: "",
    stderr: "",
  });
});

test.each([
  ["package.json", "models/demo/model.json", /^error: CONFIG_INVALID: reading package\.json: /u],
  ["none.json", "models/demo/model.json", /^error: CONFIG_UNREADABLE: /u],
  ["config.json", "package.json", /^error: MANIFEST_INVALID: reading the manifest package\.json/u],
])("%s with the manifest %s is refused with the server's own error", (config, manifest, error) => {
  const { status, stdout, stderr } = check(config, manifest);
  expect([status, stdout]).toEqual([65, ""]);
  expect(stderr).toMatch(error);
  expect(stderr.split("\n")).toHaveLength(2);
});
