import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { projectFolder } from "../helpers/server-process.js";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "confml-check-node-"));
  for (const name of ["fakes", "src", "owners", "emulator", "scripts"])
    mkdirSync(join(folder, name));
  const copied = ["Makefile", "package.json", "package-lock.json", ".npmrc", "tsconfig.json"];
  for (const path of [...copied, "tsconfig.tools.json", "scripts/check-node.sh"])
    cpSync(join(projectFolder, path), join(folder, path));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function fake(name: string, text: string): void {
  const path = join(folder, "fakes", name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
}

/** Runs a program that finds the shell's tools, and of node and npm only the fakes. */
function run(command: string, ...words: string[]): { status: number | null; lines: string[] } {
  const tools = join(folder, "tools");
  mkdirSync(tools, { recursive: true });
  for (const name of ["sh", "make", "sed", "dirname", "env", "find", "touch"])
    spawnSync("ln", ["-sf", `/usr/bin/${name}`, tools]);
  const env = { PATH: `${join(folder, "fakes")}:${tools}` };
  const { status, stdout, stderr } = spawnSync(command, words, {
    cwd: folder,
    env,
    encoding: "utf8",
  });
  return { status, lines: (stdout + stderr).split("\n").filter((line) => line !== "") };
}

const check = () => run("/bin/sh", "scripts/check-node.sh");
const isMissing = (got: string): string =>
  `confml: error: expected Node.js 20.19 or later and npm; got ${got}. Install a current one: https://nodejs.org/en/download`;

describe("the check of Node's version", () => {
  test.each([
    "v20.19.0",
    "v20.20.2",
    "v21.0.0",
    "v22.23.3",
    "v24.21.0",
    "v100.1.0",
    "v26.0.0-rc.1",
  ])("passes with %s", (version) => {
    fake("node", `echo ${version}`);
    fake("npm", "exit 1");
    expect(check()).toEqual({ status: 0, lines: [] });
  });

  test.each(["v18.20.8", "v20.18.3", "v20.9.0", "v9.99.0", "v0.12.18"])(
    "names what it found, with %s",
    (version) => {
      fake("node", `echo ${version}`);
      fake("npm", "exit 1");
      const got = `Node.js ${version.slice(1)} (${join(folder, "fakes/node")})`;
      expect(check()).toEqual({ status: 1, lines: [isMissing(got)] });
    },
  );

  test("says that there is no node, or none that runs, or no npm", () => {
    expect(check().lines).toEqual([isMissing("no program node that runs")]);
    fake("node", "exit 127");
    expect(check().lines).toEqual([isMissing("no program node that runs")]);
    fake("node", "echo io.js");
    expect(check().lines).toEqual([isMissing("a program node whose version is not known")]);
    fake("node", "echo v20.19.0");
    expect(check()).toEqual({ status: 1, lines: [isMissing("no npm")] });
  });
});

test.each(["build", "test", "run", "serve", "appdir", "server"])(
  "make %s says what is needed before it installs anything",
  (target) => {
    fake("node", "echo v18.20.8");
    fake("npm", `: > ${join(folder, "installed")}`);
    const { status, lines } = run("/usr/bin/make", target);
    expect(status).toBe(2);
    expect(lines[0]).toContain("got Node.js 18.20.8");
    expect(lines.slice(1).every((line) => line.startsWith("make"))).toBe(true);
    expect(existsSync(join(folder, "installed"))).toBe(false);
  },
);
