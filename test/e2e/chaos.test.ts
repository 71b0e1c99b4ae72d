import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFile, readFile, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { importKey, releasePolicy } from "../../scripts/demo/owners.js";
import { sealJwe } from "../../src/crypto/jwe.js";
import { expectFailedBoot } from "../helpers/failed-boot.js";
import { flat } from "../helpers/pictures.js";
import { authority, encrypt, setScene, type Scene } from "../helpers/scene.js";
import {
  killServerAt,
  projectFolder,
  runServerToItsEnd,
  startServer,
  type LaunchOptions,
} from "../helpers/server-process.js";
import { answerNaming, upload } from "../helpers/upload.js";

let scene: Scene;
const keyFiles = ["image.key", "model.key", "seal.key"];
const picture = await flat("green").png().toBuffer();

beforeEach(async () => {
  scene = await setScene();
  await scene.importKeys();
});

afterEach(async () => {
  await scene.close();
});

/** Checks a start: exactly its own key files, a right answer, and no file left when it has ended. */
async function expectOrderlyRun(options: LaunchOptions): Promise<void> {
  const server = await startServer(options);
  expect((await readdir(scene.keysFolder)).sort()).toEqual(keyFiles);
  for (const [file, key] of [
    ["model.key", scene.modelKey],
    ["image.key", scene.imageKey],
    ["seal.key", scene.sealKey],
  ] as const) {
    const path = join(scene.keysFolder, file);
    expect(await readFile(path)).toEqual(key);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  }
  const name = "picture.png.encrypted";
  const { text } = await upload(server.port, name, encrypt(picture, scene.imageKey));
  expect(text).toMatch(answerNaming("green"));
  expect(await server.stop()).toBe(0);
  expect(await readdir(scene.keysFolder)).toEqual([]);
}

describe("a server that is killed", () => {
  test("at any step of its boot leaves only files that the next start removes", async () => {
    const options = await scene.launch();
    // Each start finds the files that the previous one left.
    for (const [step, left] of [
      ["platform", 0],
      ["key released", 1],
      ["downloading the model", 3],
      ["model loaded", 3],
      ["listening", 3],
    ] as const) {
      const { code, stdout } = await killServerAt(options, new RegExp(`"msg":"${step}"`, "u"));
      expect([step, code]).toEqual([step, null]);
      expect(stdout).toContain(`"msg":"${step}"`);
      expect([step, (await readdir(scene.keysFolder)).length]).toEqual([
        step,
        left === 1 ? expect.any(Number) : left,
      ]);
    }
    await expectOrderlyRun(options);
  });

  test("while it writes key files leaves temporary files, which the next start removes even if it gets no key", async () => {
    const options = await scene.launch();
    const preload = join(projectFolder, "test/fixtures/platform/killed-at-rename.mjs");
    const mortal = { ...options.environment, NODE_OPTIONS: `--import=${preload}` };
    const { code } = await runServerToItsEnd({ ...options, environment: mortal });
    expect(code).toBeNull();
    const left = await readdir(scene.keysFolder);
    expect(left.length).toBeGreaterThan(0);
    for (const name of left) expect(name).toMatch(/^\.\w+\.key\.confml-new$/u);
    const refused = { ...options.environment, CLIENT_SECRET: "another" };
    await expectFailedBoot(await runServerToItsEnd({ ...options, environment: refused }), scene, {
      code: "TOKEN_REFUSED",
      exitCode: 77,
      says: /client secret/iu,
    });
    await expectOrderlyRun(options);
  });

  test("while it answers does not prevent the next start", async () => {
    const options = await scene.launch();
    const server = await startServer(options);
    const asking = Array.from({ length: 8 }, () =>
      upload(server.port, "picture.png", picture).then(
        ({ status }) => status,
        () => "cut off",
      ),
    );
    process.kill(server.pid, "SIGKILL");
    expect(await server.exited).toBeNull();
    expect(["cut off", 200]).toEqual(
      expect.arrayContaining([...new Set(await Promise.all(asking))]),
    );
    await expectOrderlyRun(options);
  });
});

describe("if no key file can be written", () => {
  test("the boot ends with KEY_FILE_FAILED (no file may have a byte)", async () => {
    const wrapper = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh"];
    const ended = await runServerToItsEnd({ ...(await scene.launch()), wrapper });
    await expectFailedBoot(ended, scene, {
      code: "KEY_FILE_FAILED",
      exitCode: 75,
      says: /writing .*: expected .*; got EFBIG/u,
    });
  });
});

/** Runs a command in a mount namespace in which the folder of the keys is a file system of limited size. */
const ownDisk = (bytes: number, folder: string, then = 'exec "$@"'): string[] => [
  ...["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"],
  `mount -t tmpfs -o size=${bytes} none "$0" && ${then}`,
  folder,
];
const pageBytes = 4096;

function canMount(): boolean {
  try {
    const [program = "", ...words] = ownDisk(pageBytes, "/tmp", "true");
    execFileSync(program, words, { stdio: "ignore" });
    return true;
  } catch {
    process.stderr.write(
      "skipped: a full disk under key files, because nothing may be mounted here\n",
    );
    return false;
  }
}

describe("if the disk of the key files is full", () => {
  const whenMounting = canMount() ? test : test.skip;

  whenMounting("the boot ends and says so, and leaves no key on it", async () => {
    // One page: the first key fits, the second does not.
    const listing = join(scene.folder, "left");
    const then = `{ "$@"; code=$?; ls -A "$0" >"${listing}"; exit $code; }`;
    const wrapper = ownDisk(pageBytes, scene.keysFolder, then);
    const environment = { ...scene.environment, PATH: process.env["PATH"] ?? "" };
    const ended = await runServerToItsEnd({ ...(await scene.launch()), environment, wrapper });
    await expectFailedBoot(ended, scene, {
      code: "KEY_FILE_FAILED",
      exitCode: 75,
      says: /writing .*: expected .*; got ENOSPC/u,
    });
    expect(await readFile(listing, "utf8")).toBe("");
  });

  whenMounting(
    "a rotation fails, the key before it stays, and works once there is room",
    async () => {
      scene.inference["Release"] = { RefreshMs: 100, GraceMs: 0 };
      const environment = { ...scene.environment, PATH: process.env["PATH"] ?? "" };
      const wrapper = ownDisk(8 * pageBytes, scene.keysFolder);
      const server = await startServer({ ...(await scene.launch()), environment, wrapper });
      const disk = join(`/proc/${server.pid}/root`, scene.keysFolder);
      const filler = join(disk, "filler");
      await expect(appendFile(filler, Buffer.alloc(8 * pageBytes))).rejects.toThrow("ENOSPC");
      const ask = async (key: Buffer): Promise<number> => {
        const jwe = Buffer.from(await sealJwe(key, picture, { kid: "SealKey" }));
        const accept = "application/jose";
        return (await upload(server.port, "picture.png.jwe", jwe, { accept })).status;
      };
      const next = randomBytes(32);
      await importKey(scene.vault, "SealKey", next, releasePolicy(authority, scene.measurement));
      await server.printed(/"secret":"SealKey"[^\n]*"code":"KEY_FILE_FAILED"[^\n]*ENOSPC/u);
      expect(await readFile(join(disk, "seal.key"))).toEqual(scene.sealKey);
      expect(await ask(scene.sealKey)).toBe(200);
      await rm(filler);
      await server.printed(/"secret":"SealKey","outcome":"rotated"/u);
      expect(await readFile(join(disk, "seal.key"))).toEqual(next);
      expect([await ask(next), await ask(scene.sealKey)]).toEqual([200, 422]);
      expect(await server.stop()).toBe(0);
    },
  );
});
