import { spawnSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mrSigner } from "../../scripts/tee/signing-key.js";
import { hasPackages } from "../helpers/debian-packages.js";
import { projectFolder } from "../helpers/server-process.js";
import { stageProject, type StagedProject } from "../helpers/staged-project.js";

const files = join(projectFolder, "appdir/root.files");
const canBuild =
  ["packages", "toolchain", "image"].every((lock) => hasPackages(`appdir/${lock}.lock`)) &&
  existsSync(files);
const ours = canBuild ? describe : describe.skip;
/** Whether chroot is possible here, which the stand-in of Mystikos needs. */
const canChangeRoot =
  process.getuid?.() === 0 || spawnSync("unshare", ["-r", "-R", "/", "true"]).status === 0;
if (!canChangeRoot) {
  process.stderr.write("skipped: make run in Mystikos' stand-in, which needs root or namespaces\n");
}
const standIn = join(projectFolder, "test/fixtures/mystikos");
/** These tests build whole file systems, on small machines and beside other tests. */
const patienceMs = 300_000;

let project: StagedProject;

beforeAll(async () => {
  project = await stageProject();
});

afterAll(async () => {
  await project.remove();
});

/** The tests run one after the other, because they build in the same folder. */
ours("make appdir", () => {
  test(
    "gives the same files in another folder with another umask and locale, and adds an owner's library",
    async () => {
      const libraries = join(project.folder, "extra libs");
      mkdirSync(libraries);
      // A shared library that needs no other.
      const library = readFileSync(join(projectFolder, "appdir/root/lib/libconfml-shim.so"));
      writeFileSync(join(libraries, "libowner_ssr.so"), library, { mode: 0o600 });
      writeFileSync(join(libraries, "README"), "not a library");
      const { code, stdout, stderr } = await project.run(
        ["sh", "-c", "umask 077; exec scripts/appdir.sh 'out put/root'"],
        { EXTRA_LIBS: "extra libs", TZ: "Asia/Tokyo", LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR.UTF-8" },
      );
      expect([code, stderr]).toEqual([0, ""]);
      const lines = (text: string): string[] => text.trimEnd().split("\n");
      const built = lines(readFileSync(join(project.folder, "out put/root.files"), "utf8"));
      const expected = new Set(lines(readFileSync(files, "utf8")));
      const more = built.filter((line) => !expected.delete(line));
      expect([...expected]).toEqual([]);
      expect(more.map((line) => line.replace(/[0-9a-f]{64}/u, "HASH")).sort()).toEqual([
        "644 HASH usr/local/lib/libowner_ssr.so",
        "755 folder usr/local/lib",
      ]);
      for (const part of ["Node (Debian)", "node_modules", "the server", "out put/root"]) {
        expect(stdout).toMatch(new RegExp(` MB  ${part.replace(/[()]/gu, "\\$&")}$`, "mu"));
      }
      expect(readdirSync(project.tmp)).toEqual([]);
    },
    patienceMs,
  );

  test.each([
    [{ EXTRA_LIBS: "none" }, "EXTRA_LIBS: there is no folder none"],
    [{ EXTRA_LIBS: "src" }, "EXTRA_LIBS: no shared library (*.so*) in src"],
    [{ CONFIG: "none.json" }, "there is no file none.json"],
    [
      { CONFIG: "package.json" },
      "CONFIG_INVALID: reading package.json: Secret: expected a value of type array; got nothing (1 more to correct " +
        "after it). Add it.",
    ],
  ])("stops at once if %j is wrong", async (environment, message) => {
    const { code, stdout, stderr } = await project.run(["scripts/appdir.sh"], environment);
    expect([code, stdout, stderr]).toEqual([65, "", `error: ${message}\n`]);
  });
});

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 3072, publicExponent: 3 });
const pem = privateKey.export({ type: "pkcs1", format: "pem" }).toString();
const withStandIn = { PATH: `${standIn}:${process.env["PATH"] ?? ""}` };

/** The folder that contains the signing key while it is used. */
function keysInMemory(): string[] {
  const folder = "/dev/shm";
  return existsSync(folder)
    ? readdirSync(folder).filter((name) => name.startsWith("confml-key-"))
    : [];
}

/**
 * A folder for PATH whose programs record which secrets they are given, and then run the real program. npm, tsc and
 * asc are Node's programs; the C compiler is started by the shell that starts the others.
 */
function recorders(record: string): string {
  const folder = join(project.folder, "recorders");
  mkdirSync(folder);
  for (const name of ["node", "dpkg-deb", "sha256sum", "cp", "sed"]) {
    const real = spawnSync("which", [name], { encoding: "utf8" }).stdout.trim();
    const text = `#!/bin/sh
seen="\${SSR_PKEY:+SSR_PKEY}\${CLIENT_SECRET:+CLIENT_SECRET}"
printf '%s\\n' "\${seen:-nothing} ${name} $*" | head -n 1 >>'${record}'
exec ${real} "$@"
`;
    writeFileSync(join(folder, name), text, { mode: 0o755 });
  }
  return folder;
}

ours("make package", () => {
  const tee = (): string => join(project.folder, "build/tee");

  test("refuses a missing or unsuitable key before it builds anything, and does not print it", async () => {
    const { privateKey: small } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const unfit = small.export({ type: "pkcs1", format: "pem" }).toString();
    for (const [key, code, message] of [
      ["", 64, "SSR_PKEY is not set"],
      [unfit, 65, "SSR_PKEY: expected 3072 bits and exponent 3"],
    ] as const) {
      const { stdout, stderr } = await project.run(["make", "package"], {
        ...withStandIn,
        SSR_PKEY: key,
      });
      expect(stderr).toContain(`error: ${message}`);
      expect(stderr).toContain(`Error ${code}`);
      expect(stdout + stderr).not.toContain(unfit.split("\n")[2]);
    }
    expect([existsSync(join(project.folder, "appdir/root")), existsSync(tee())]).toEqual([
      false,
      false,
    ]);
  });

  test("refuses a debug build, and without Mystikos reports what is missing", async () => {
    const config = readFileSync(join(project.folder, "config.json"), "utf8");
    writeFileSync(join(project.folder, "debug.json"), config.replace('"Debug": 0', '"Debug": 1'));
    const debug = await project.run(["make", "package", "CONFIG=debug.json"], {
      ...withStandIn,
      SSR_PKEY: pem,
    });
    expect(debug.stderr).toContain("debug.json is not for production\nhint: Debug: expected 0");
    const alone = await project.run(["make", "package"], { SSR_PKEY: pem });
    expect(alone.stderr).toContain("hint: myst is not on PATH: install Mystikos");
    expect(existsSync(join(project.folder, "appdir/root"))).toBe(false);
  });

  test(
    "removes a package whose signature is not as requested",
    async () => {
      const { code, stderr } = await project.run(["make", "package"], {
        ...withStandIn,
        SSR_PKEY: pem,
        STAND_IN_DEBUG: "1",
      });
      expect(code).not.toBe(0);
      expect(stderr).toContain(
        "error: the package is not what was asked for\nhint: debug: expected false; got true\n",
      );
      expect([existsSync(tee()), readdirSync(project.tmp), keysInMemory()]).toEqual([
        false,
        [],
        [],
      ]);
    },
    patienceMs,
  );

  test(
    "makes a package signed with its owner's key, and leaves no copy of the key",
    async () => {
      const body = pem.split("\n").slice(1, -2).join("\n");
      const record = join(project.folder, "record");
      const { code, stdout, stderr } = await project.run(["make", "package"], {
        PATH: `${recorders(record)}:${withStandIn.PATH}`,
        SSR_PKEY: body,
        CLIENT_SECRET: "swordfish",
      });
      const started = readFileSync(record, "utf8").trimEnd().split("\n");
      const withKey = "SSR_PKEY node build/scripts/tee/sign.js";
      expect(started.filter((line) => !line.startsWith("nothing "))).toEqual([
        `${withKey} --check`,
        withKey,
      ]);
      for (const tool of [
        "npm-cli.js ci",
        "bin/tsc -p",
        "bin/asc src",
        "dpkg-deb -x",
        "sha256sum",
      ]) {
        expect(started).toContainEqual(expect.stringContaining(tool));
      }
      expect([code, stderr]).toEqual([
        0,
        "warning: Inference.Model.Sha256 is the example's: this package will find its model altered\n",
      ]);
      const [, measured] =
        /build\/tee\/myst\/bin\/node {2}MRENCLAVE ([0-9a-f]{64})\n/u.exec(stdout) ?? [];
      expect(measured).toBeDefined();
      expect(readdirSync(tee()).sort()).toEqual(["config.json", "myst", "rootfs", "roothash"]);
      expect([...readdirSync(project.tmp), ...keysInMemory()]).toEqual([]);
      const bytes = readFileSync(join(tee(), "myst/bin/node"), "utf8");
      expect(bytes).toContain(mrSigner(privateKey));
      expect(stdout + stderr + bytes).not.toContain(body.split("\n")[2]);
    },
    patienceMs,
  );

  test(
    "has the same measurement without the owner's key",
    async () => {
      const publicFile = join(project.folder, "public.pem");
      writeFileSync(
        publicFile,
        createPublicKey(privateKey).export({ type: "spki", format: "pem" }),
      );
      const { code, stdout } = await project.run(
        ["make", "measure", "SIGNER=public.pem"],
        withStandIn,
      );
      expect(code).toBe(0);
      const package_ = readFileSync(join(tee(), "myst/bin/node"), "utf8");
      const signed = /"mrenclave":"([0-9a-f]{64})"/u.exec(package_)?.[1] ?? "none";
      const field = (name: string): string | undefined =>
        new RegExp(`^${name} +(\\S+)$`, "mu").exec(stdout)?.[1];
      expect(field("MRENCLAVE")).toBe(signed);
      expect(field("MRSIGNER")).toBe(mrSigner(privateKey));
      expect(field("root hash")).toBe(readFileSync(join(tee(), "roothash"), "utf8").trim());
      expect(field("files")).toBe(
        readFileSync(join(project.folder, "appdir/root.sha256"), "utf8").trim(),
      );
      expect([field("product ID"), field("SVN"), field("debuggable")]).toEqual(["1", "1", "no"]);
      expect(stdout).toContain(`--mrenclave ${signed} --min-svn 1`);
      expect(readdirSync(project.tmp)).toEqual([]);
    },
    patienceMs,
  );

  test("is not started without SGX, and the error says what to do", async () => {
    const { code, stderr } = await project.run(["make", "server"], withStandIn);
    expect(code).not.toBe(0);
    expect(stderr).toContain(
      "error: cannot run an enclave here\nhint: there is no /dev/sgx_enclave",
    );
    expect(stderr).toContain("hint: make serve runs the same server on plain Node");
  });
});

(canChangeRoot ? ours : describe.skip)("make run", () => {
  test(
    "runs the demo in Mystikos, if it is installed, from the image of the TEE's file system",
    async () => {
      const { code, stdout, stderr } = await project.run(["make", "run", "TEE=linux"], withStandIn);
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toContain(
        "in Mystikos without SGX (its Linux target): NOTHING HERE IS CONFIDENTIAL",
      );
      // Debian's Node, not the one that runs this test.
      expect(stdout).toMatch(/platform {2}platform=none .* node=v20\.19\.\d+ /u);
      expect(stdout.match(/^\t\('(dog|sports car|strawberry)', 9\d\.\d+\)$/gmu)).toHaveLength(6);
      expect(stdout).toContain("3 of 3 encrypted images answered exactly like the plain ones.");
      expect(readdirSync(project.tmp)).toEqual([]);
      expect(readdirSync(join(project.folder, ".demo"))).toEqual(["keys"]);
    },
    patienceMs,
  );
});
