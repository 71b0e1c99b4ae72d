import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ask } from "../../../scripts/tee/command.js";
import { secretNames, takeSecret, withoutSecrets } from "../../../scripts/tee/secrets.js";
import { projectFolder } from "../../helpers/server-process.js";

const makefile = readFileSync(join(projectFolder, "Makefile"), "utf8");
/** Holds what a shell, make and a regular expression might take for theirs. */
const secrets = Object.fromEntries(
  secretNames.map((name, index) => [
    name,
    `-----BEGIN ${index}-----\n$HOME $(shell id) $$'"${name}`,
  ]),
);

/** Writes down its name, what it is given, and its environment; `npm` installs compilers that do the same. */
const recorder = `#!/bin/sh
maker=$PPID
while [ "$(cat /proc/$maker/comm)" != make ]; do maker=$(cut -d ' ' -f 4 /proc/$maker/stat); done
{ printf '== %s\\0' "$(basename "$0") $*"; env -0; printf 'maker\\0'; cat /proc/$maker/environ; } >>"$RECORD"
case $0 in
*/npm) mkdir -p node_modules/.bin && cp "$0" node_modules/.bin/tsc && cp "$0" node_modules/.bin/asc ;;
*/tsc) mkdir -p dist build/owners && : >dist/main.js && : >build/owners/main.js ;;
*/asc) mkdir -p dist/image && : >dist/image/resize.wasm ;;
esac
`;
const programs = ["npm", "node", "docker"];
const scripts = ["appdir", "check-node", "test", "pin-images", "npm-package"].map(
  (name) => `scripts/${name}.sh`,
);
const otherScripts = [
  "scripts/debian/lock.sh",
  "deploy/confml_aks_demo.sh",
  "node_modules/.bin/jest",
];
const files = [
  "package.json",
  "package-lock.json",
  ".npmrc",
  "tsconfig.json",
  "tsconfig.tools.json",
  "scripts/page.mjs",
];

interface Recorded {
  command: string;
  /** Names of the secrets that it was given. */
  sees: string[];
  /** The same of the make that started it, whose environment it can read in /proc. */
  makeSees: string[];
}

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "confml-makefile-"));
  for (const path of ["Makefile", "scripts/compile.sh"]) {
    cpSync(join(projectFolder, path), join(folder, path));
  }
  for (const path of [...files, "src/a.ts", "owners/a.ts", "emulator/a.ts", "appdir/a.lock"])
    write(path, "");
  for (const path of [...scripts, ...otherScripts, ...programs.map((name) => `fakes/${name}`)]) {
    write(path, recorder);
    chmodSync(join(folder, path), 0o755);
  }
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

function make(...words: string[]): { status: number | null; text: string; recorded: Recorded[] } {
  const record = join(folder, "record");
  writeFileSync(record, "");
  const PATH = `${join(folder, "fakes")}:${process.env["PATH"] ?? ""}`;
  const env = { PATH, HOME: folder, RECORD: record, ...secrets };
  const ended = spawnSync("make", words, { cwd: folder, env, encoding: "utf8" });
  const recorded = readFileSync(record, "utf8")
    .split("== ")
    .slice(1)
    .map((one) => {
      const [command = "", ...environment] = one.split("\0");
      const maker = environment.indexOf("maker");
      const secretsIn = (lines: string[]): string[] =>
        secretNames.filter((name) => lines.some((line) => line.includes(secrets[name] ?? "none")));
      return {
        command,
        sees: secretsIn(environment.slice(0, maker)),
        makeSees: secretsIn(environment.slice(maker)),
      };
    });
  return { status: ended.status, text: ended.stdout + ended.stderr, recorded };
}

/** Which commands of a target get what. All others get nothing. */
const given: Record<string, Record<string, string[]>> = {
  sign: { "node build/scripts/tee/sign.js": ["SSR_PKEY"] },
  package: {
    "node build/scripts/tee/sign.js --check": ["SSR_PKEY"],
    "node build/scripts/tee/sign.js": ["SSR_PKEY"],
  },
  measure: { "node build/scripts/tee/measure.js": ["SSR_PKEY"] },
  run: { "node build/scripts/demo/run.js --model  --labels  --manifest ": ["CLIENT_SECRET"] },
  server: { "node build/scripts/tee/server.js": ["CLIENT_SECRET"] },
  demo: { "confml_aks_demo.sh ": ["CLIENT_SECRET"] },
};
const targets = /^\.PHONY: (.*)$/mu.exec(makefile)?.[1]?.split(" ") ?? [];
const building = targets.filter(
  (name) =>
    !["help", "clean", "sign", "demo", "lock", "image", "pin-images", "check-node"].includes(name),
);

describe("make", () => {
  test.each(targets)("%s gives secrets to no program but the one that needs them", (target) => {
    const { status, text, recorded } = make(target);
    expect([target, status, text]).toEqual([target, 0, expect.any(String)]);
    const expected = given[target] ?? {};
    const seen = recorded.filter(({ sees }) => sees.length > 0);
    expect(Object.fromEntries(seen.map(({ command, sees }) => [command, sees]))).toEqual(expected);
    for (const value of Object.values(secrets)) expect(text).not.toContain(value);
    const commands = recorded.map(({ command }) => command.split(" ")[0]);
    if (building.includes(target))
      expect(commands).toEqual(expect.arrayContaining(["npm", "tsc", "asc"]));
  });

  test("signs without npm and without a compiler", () => {
    expect(make("sign").recorded.map(({ command }) => command)).toEqual([
      "node build/scripts/tee/sign.js",
    ]);
  });

  test("builds a package between a look at the key and the signature", () => {
    const commands = make("package")
      .recorded.map(({ command }) => command)
      .filter((command) => !command.startsWith("check-node.sh"));
    expect(commands.slice(-3)).toEqual(
      [
        "node build/scripts/tee/sign.js --check",
        "node build/scripts/tee/unsigned.js ",
        "node build/scripts/tee/sign.js ",
      ].map((command) => expect.stringContaining(command.trim())),
    );
  });

  test.each(Object.keys(given))("%s builds under a make that has no secret itself", (target) => {
    const { recorded } = make(target);
    const unknowing = recorded.filter(({ sees }) => sees.length === 0);
    expect(unknowing.flatMap(({ makeSees }) => makeSees)).toEqual([]);
    // What has a secret has it from the make that the user started.
    const knowing = recorded.filter(({ sees }) => sees.length > 0);
    expect(knowing.map(({ makeSees }) => makeSees)).toEqual(knowing.map(() => secretNames));
  });

  test.each(secretNames)("takes no %s on its command line, and does not repeat it", (name) => {
    for (const target of ["package", "build"]) {
      const { status, text, recorded } = make(target, `${name}=swordfish`);
      expect([status, recorded]).toEqual([2, []]);
      expect(text).toContain(`${name} is on the command line`);
      expect(text).not.toContain("swordfish");
    }
  });
});

describe("the scripts", () => {
  test("and the Makefile have one list of secrets", () => {
    const list = /^SECRETS := ((?:.*\\\n)*.*)$/mu.exec(makefile)?.[1] ?? "";
    expect(list.replaceAll("\\\n", " ").split(/\s+/u)).toEqual(secretNames);
  });

  test("give none of them to a program that they start", async () => {
    expect(withoutSecrets({ ...secrets, PATH: "p" })).toEqual({ PATH: "p" });
    process.env["CLIENT_SECRET"] = "swordfish";
    try {
      const printed = await ask("env", [], { cwd: folder });
      expect(printed).toContain("PATH=");
      expect(printed).not.toContain("swordfish");
    } finally {
      expect(takeSecret("CLIENT_SECRET")).toBe("swordfish");
    }
    expect(takeSecret("CLIENT_SECRET")).toBeUndefined();
  });

  test("do not build where they are given one", () => {
    for (const name of secretNames) {
      const script = join(projectFolder, "build/scripts/tee/unsigned.js");
      const env = { PATH: process.env["PATH"] ?? "", [name]: "swordfish" };
      const ended = spawnSync(process.execPath, [script, folder], { env, encoding: "utf8" });
      expect([ended.status, ended.stdout]).toEqual([64, ""]);
      expect(ended.stderr).toContain(`error: a build is given ${name}\n`);
      expect(ended.stderr).not.toContain("swordfish");
    }
  });
});
