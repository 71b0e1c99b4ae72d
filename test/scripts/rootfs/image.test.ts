import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { makeImage } from "../../../scripts/rootfs/image.js";
import { buildHashTree } from "../../../scripts/rootfs/verity.js";
import { hasPackages } from "../../helpers/debian-packages.js";
import { projectFolder } from "../../helpers/server-process.js";

const lock = "appdir/image.lock";
const ours = hasPackages(lock) ? describe : describe.skip;

ours("an image of a file system", () => {
  let folder = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "confml-image-"));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** The same files, written in this order at this time. */
  function stage(name: string, files: string[], time: number): string {
    const root = join(folder, name);
    for (const path of ["bin", "app", "empty", "a name"]) {
      mkdirSync(join(root, path), { recursive: true });
    }
    for (const path of files) {
      writeFileSync(join(root, path), `this is ${path}\n`.repeat(3000));
      utimesSync(join(root, path), time, time);
    }
    chmodSync(join(root, "bin/node"), 0o755);
    symlinkSync("bin/node", join(root, "node"));
    return root;
  }
  const files = ["bin/node", "app/main.js", "app/package.json", "a name/with 'quotes'"];
  const make = (name: string, root: string): Promise<string> =>
    makeImage({ folder: root, image: join(folder, name), projectFolder });

  test("is the same bytes, whoever makes it, whenever and in whatever order the files came", async () => {
    const one = stage("one", files, 1);
    const other = stage("other", [...files].reverse(), 1_900_000_000);
    chmodSync(other, 0o700);
    // Whoever is not root has another owner there already.
    if (process.getuid?.() === 0) chownSync(join(other, "app/main.js"), 1234, 1234);
    const [first, second] = [await make("first", one), await make("second", other)];
    expect(second).toBe(first);
    const bytes = (name: string): Buffer => readFileSync(join(folder, name));
    expect(bytes("first").equals(bytes("second"))).toBe(true);
  });

  test.each([
    [
      "a byte",
      (root: string) => {
        writeFileSync(join(root, "app/main.js"), "x");
      },
    ],
    [
      "a mode",
      (root: string) => {
        chmodSync(join(root, "app/main.js"), 0o755);
      },
    ],
    [
      "a file more",
      (root: string) => {
        writeFileSync(join(root, "more"), "");
      },
    ],
  ])("has another root hash for %s", async (_, change) => {
    const root = stage("one", files, 1);
    const before = await make("first", root);
    change(root);
    expect(await make("second", root)).not.toBe(before);
  });

  test("ends with its hash tree and Mystikos' trailer", async () => {
    const rootHash = await make("image", stage("one", files, 1));
    const bytes = readFileSync(join(folder, "image"));
    const trailer = bytes.subarray(-4096);
    expect(trailer.subarray(0, 8).toString("hex")).toBe("384d6253a19851f5");
    expect(trailer.readBigUInt64LE(8)).toBe(1n);
    const hashOffset = Number(trailer.readBigUInt64LE(16));
    expect(trailer.subarray(24, 56).toString("hex")).toBe(rootHash);
    expect(trailer.subarray(56).every((byte) => byte === 0)).toBe(true);
    const tree = buildHashTree(bytes.subarray(0, hashOffset));
    expect(tree.rootHash.toString("hex")).toBe(rootHash);
    expect(bytes.subarray(hashOffset, -4096).equals(tree.bytes)).toBe(true);
    // ext2's magic number.
    expect(bytes.readUInt16LE(1024 + 56)).toBe(0xef53);
  });

  test("holds the files as they were, all of them root's", async () => {
    const root = stage("one", files, 1);
    if (process.getuid?.() === 0) chownSync(join(root, "app/main.js"), 1234, 1234);
    await make("image", root);
    const tools = join(folder, "tools");
    execFileSync(join(projectFolder, "scripts/debian/fetch.sh"), [lock, tools], {
      cwd: projectFolder,
    });
    const libraries = join(tools, "usr/lib/x86_64-linux-gnu");
    const debugfs = (command: string): string =>
      execFileSync(
        join(libraries, "ld-linux-x86-64.so.2"),
        [
          "--library-path",
          libraries,
          join(tools, "usr/sbin/debugfs"),
          "-R",
          command,
          join(folder, "image"),
        ],
        { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
      );
    for (const path of files)
      expect(debugfs(`cat "/${path}"`)).toBe(readFileSync(join(root, path), "utf8"));
    for (const path of [...files, "node", "empty"]) {
      expect(debugfs(`stat "/${path}"`)).toMatch(/User: +0 +Group: +0 /u);
    }
    expect(debugfs("stat /bin/node")).toMatch(/Mode: +0755/u);
    expect(debugfs("stat /node")).toContain('Fast link dest: "bin/node"');
  });
});
