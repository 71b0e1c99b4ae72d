import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { projectFolder } from "../helpers/server-process.js";

const file = readFileSync(join(projectFolder, "package.json"), "utf8");
const prefix = `confml-${/"version": "(.+)"/.exec(file)?.[1] ?? ""}-`;

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

describe("a release's files", () => {
  let folder = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "confml-release-"));
    stage("one", ["bin/node", "app/main.js"], 1);
    writeFileSync(join(folder, "sbom.cdx.json"), "{}\n");
    writeFileSync(join(folder, "image.oci.tar"), "an image\n");
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** A file system, its files written in the order given. */
  function stage(name: string, files: string[], time: number): void {
    const root = join(folder, name);
    for (const path of ["bin", "app", "empty"]) mkdirSync(join(root, path), { recursive: true });
    for (const path of files) {
      writeFileSync(join(root, path), `this is ${path}\n`);
      utimesSync(join(root, path), time, time);
    }
    chmodSync(join(root, "bin/node"), 0o755);
    symlinkSync("bin/node", join(root, "node"));
  }

  function run(command: string, parameters: string[], cwd: string): Ended {
    const env = { ...process.env, SOURCE_DATE_EPOCH: "1700000000" };
    return spawnSync(command, parameters, { cwd, env, encoding: "utf8" });
  }

  function release(out: string, ...paths: string[]): Ended {
    return run(join(projectFolder, "scripts/release.sh"), [out, ...paths], folder);
  }

  test("have the version in their names, and checksums that sha256sum verifies", () => {
    const { status, stderr } = release("out", "one", "sbom.cdx.json", "image.oci.tar");
    expect([status, stderr]).toEqual([0, ""]);
    const names = ["appdir.tar.gz", "image.oci.tar", "sbom.cdx.json"].map((one) => prefix + one);
    expect(readdirSync(join(folder, "out")).sort()).toEqual(["SHA256SUMS", ...names]);
    const check = run("sha256sum", ["--strict", "-c", "SHA256SUMS"], join(folder, "out"));
    expect(check.status).toBe(0);
    expect(check.stdout).toBe(names.map((name) => `${name}: OK\n`).join(""));
  });

  test("do not verify once one is another", () => {
    release("out", "one", "sbom.cdx.json");
    writeFileSync(join(folder, "out", `${prefix}sbom.cdx.json`), "{ }\n");
    expect(run("sha256sum", ["-c", "SHA256SUMS"], join(folder, "out")).status).toBe(1);
  });

  test("are the same bytes for the same file system, whenever and in whatever order it was made", () => {
    stage("two", ["app/main.js", "bin/node"], 2_000_000_000);
    expect(release("first", "one", "sbom.cdx.json").status).toBe(0);
    expect(release("second", "two", "sbom.cdx.json").status).toBe(0);
    for (const name of ["SHA256SUMS", `${prefix}appdir.tar.gz`]) {
      const [first, second] = ["first", "second"].map((out) =>
        readFileSync(join(folder, out, name)),
      );
      expect(first?.equals(second ?? Buffer.alloc(0))).toBe(true);
    }
  });

  test("are other bytes for another file system", () => {
    stage("two", ["app/main.js", "bin/node"], 1);
    chmodSync(join(folder, "two/app/main.js"), 0o600);
    const [first, second] = [release("first", "one"), release("second", "two")];
    expect(second.stdout).not.toBe(first.stdout);
  });

  test("are packed in the order of their names, with no time in the packing", () => {
    const names = Array.from({ length: 20 }, (_, index) => `app/${19 - index}.js`);
    stage("two", [...names, "bin/node"], 1);
    release("out", "two");
    const archive = join(folder, "out", `${prefix}appdir.tar.gz`);
    const listed = run("tar", ["-tzf", archive], folder).stdout.match(/app\/\d+\.js/g);
    expect(listed).toEqual([...names].sort());
    // RFC 1952, section 2.3: no name (FLG) and no MTIME.
    expect(readFileSync(archive).subarray(3, 8)).toEqual(Buffer.alloc(5));
  });

  test("belong to nobody in particular in the archive, which holds links and empty folders", () => {
    // Whoever is not root has no need to change the owner.
    if (process.getuid?.() === 0) chownSync(join(folder, "one/app/main.js"), 1234, 1234);
    release("out", "one");
    const archive = join(folder, "out", `${prefix}appdir.tar.gz`);
    const { stdout } = run("tar", ["--numeric-owner", "--utc", "-tvzf", archive], folder);
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(7);
    for (const line of lines) expect(line).toMatch(/ 0\/0 .* 2023-11-14 22:13 \.\//);
    expect(stdout).toMatch(/^d.*\.\/empty\/$/m);
    expect(stdout).toMatch(/^-rwxr-xr-x .*\.\/bin\/node$/m);
    expect(stdout).toMatch(/\.\/node -> bin\/node$/m);
  });

  test("keep their names and bytes when they are collected again", () => {
    release("first", "one", "sbom.cdx.json");
    const { status } = release(
      "out",
      `first/${prefix}appdir.tar.gz`,
      `first/${prefix}sbom.cdx.json`,
    );
    expect(status).toBe(0);
    const sums = (out: string): string => readFileSync(join(folder, out, "SHA256SUMS"), "utf8");
    expect(sums("out")).toBe(sums("first"));
  });

  test.each<[string, string, string[]]>([
    ["there is nothing to collect", "usage:", []],
    ["a file is missing", "there is no such file", ["one", "missing"]],
    ["the file system is empty", "an empty folder", ["one/empty"]],
    ["two would have one name", "there are two of", ["sbom.cdx.json", "./sbom.cdx.json"]],
  ])("are not made where %s", (_, message, paths) => {
    const { status, stderr } = release("out", ...paths);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: /);
    expect(stderr).toContain(message);
  });

  test("are not mixed with those of an earlier run", () => {
    release("out", "one");
    expect(release("out", "one").stderr).toBe("error: out: expected an empty folder\n");
  });
});
