import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { projectFolder } from "../helpers/server-process.js";

/** How keys, credentials and encrypted files are named: by openssl, by this project, by its documents. */
const names = [
  "signing.pem",
  "public.pem",
  "model.key",
  "image.key",
  "key.p8",
  "key.p12",
  "key.pfx",
  "owner.jwk",
  "dog.jpg.jwe",
  "dog.jpg.encrypted",
  "alexnet.onnx.encrypted",
  "credentials.env",
  ".env",
  ".env.local",
];
const folders = ["", "samples/", "src/", "models/demo/", "appdir/", "extra-libs/", "deploy/a/b/"];
const paths = folders.flatMap((folder) => names.map((name) => folder + name));

function patterns(file: string): string[] {
  const lines = readFileSync(join(projectFolder, file), "utf8").split("\n");
  return lines.filter((line) => line !== "" && !line.startsWith("#"));
}

describe("git", () => {
  let folder = "";

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "confml-ignored-"));
    execFileSync("git", ["init", "--quiet", folder]);
    cpSync(join(projectFolder, ".gitignore"), join(folder, ".gitignore"));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  function ignored(of: readonly string[]): string[] {
    const options = { cwd: folder, input: of.join("\n"), encoding: "utf8" } as const;
    const { stdout } = spawnSync("git", ["check-ignore", "--stdin"], options);
    return stdout.split("\n").filter((line) => line !== "");
  }

  test("takes no key, no credentials and nothing that is encrypted", () => {
    expect(ignored(paths)).toEqual(paths);
  });

  test("takes code about keys, and vectors", () => {
    const files = ["src/keys/key.ts", "test/vectors/keys.json", "a.crt", "a.der", ".npmrc"];
    expect(ignored(files)).toEqual([]);
  });

  const inRepository = spawnSync("git", ["rev-parse", "--git-dir"], { cwd: projectFolder });
  if (inRepository.status !== 0) {
    process.stderr.write("skipped: files of the repository, because this is no clone of it\n");
  }
  (inRepository.status === 0 ? test : test.skip)("hides no file of the repository", () => {
    const words = ["ls-files", "--cached", "--ignored", "--exclude-per-directory=.gitignore"];
    expect(execFileSync("git", words, { cwd: projectFolder, encoding: "utf8" })).toBe("");
  });
});

describe("docker", () => {
  // The last pattern that matches decides (docs.docker.com, "Build context", ".dockerignore files").
  test("takes none of them either, whichever folders are let in", () => {
    const lines = patterns(".dockerignore");
    const last = lines.findLastIndex((line) => line.startsWith("!"));
    const unrooted = patterns(".gitignore").filter((line) => !line.startsWith("/"));
    expect(lines.slice(last + 1)).toEqual(unrooted.map((line) => `**/${line}`));
  });

  test("takes nothing that is not let in by name", () => {
    expect(patterns(".dockerignore")[0]).toBe("*");
  });
});
