import { existsSync, readFileSync } from "node:fs";
import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { eventually } from "../helpers/eventually.js";
import { compileLibrary, hasCompiler } from "../helpers/native-library.js";
import { flat } from "../helpers/pictures.js";
import { encrypt, setScene, type Scene } from "../helpers/scene.js";
import { expectFailedBoot } from "../helpers/failed-boot.js";
import { projectFolder, runServerToItsEnd, startServer } from "../helpers/server-process.js";
import { answerNaming, upload } from "../helpers/upload.js";

let scene: Scene;

beforeEach(async () => {
  scene = await setScene();
});

afterEach(async () => {
  await scene.close();
});

/** The key that test/fixtures/native/ssr-client.c releases. */
function keyOf(id: string): Buffer {
  return Buffer.from(Array.from({ length: 32 }, (_, at) => (at * 7 + id.charCodeAt(0)) % 256));
}

/** Configures all secrets to be released by a native library, without Azure's credentials. */
async function useLibrary(macros: Record<string, string | number> = {}): Promise<void> {
  const library = join(scene.folder, "libssr.so");
  await compileLibrary("ssr-client.c", library, macros);
  scene.secrets = scene.secrets.map((secret) => ({ ...secret, ClientLib: library }));
  const model = await readFile(join(projectFolder, "test/fixtures/models/colours.onnx"));
  await scene.publishModel(encrypt(model, keyOf("ModelKey")));
  scene.environment = {};
}

/** State that the kernel keeps for the whole process and for its main thread. */
async function processState(pid: number): Promise<unknown> {
  const folder = `/proc/${pid}`;
  const status = await readFile(`${folder}/status`, "utf8");
  return {
    signals: status.match(/^(?:Sig(?:Blk|Ign|Cgt)|Umask):.*$/gmu),
    limits: (await readFile(`${folder}/limits`, "utf8")).split("\n"),
    workingFolder: await readlink(`${folder}/cwd`),
  };
}

/** The first 31 bits of the mask. */
function caughtSignals(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number.parseInt(/SigCgt:\s*\w{8}(\w{8})/u.exec(status)?.[1] ?? "0", 16);
}

const whenCompiling = hasCompiler ? describe : describe.skip;

whenCompiling("a server whose keys come through a native library", () => {
  test("serves without Azure credentials, and writes the keys to their LocalPaths", async () => {
    await useLibrary();
    const server = await startServer(await scene.launch());
    try {
      const picture = await flat("blue").png().toBuffer();
      const encrypted = encrypt(picture, keyOf("ImageKey"));
      const { status, text } = await upload(server.port, "picture.png.encrypted", encrypted);
      expect([status, text]).toEqual([200, expect.stringMatching(answerNaming("blue"))]);
      const file = join(scene.keysFolder, "image.key");
      expect(await readFile(file)).toEqual(keyOf("ImageKey"));
      expect((await stat(file)).mode & 0o777).toBe(0o600);
    } finally {
      expect(await server.stop()).toBe(0);
    }
    expect(await readdir(scene.keysFolder)).toEqual([]);
    expect(server.output()).not.toContain(keyOf("ImageKey").toString("hex"));
  });

  test("is stopped in order, even if the library ignores signals and changes the process", async () => {
    await useLibrary({ MEDDLE: 1 });
    const server = await startServer(await scene.launch());
    try {
      const state = await processState(server.pid);
      await useLibrary();
      const other = await startServer(await scene.launchApart("honest"));
      const expected = await processState(other.pid);
      expect(await other.stop()).toBe(0);
      expect(state).toEqual(expected);
      const file = join(scene.keysFolder, "image.key");
      expect((await stat(file)).mode & 0o777).toBe(0o600);
    } finally {
      expect(await server.stop()).toBe(0);
    }
    expect(await readdir(scene.keysFolder)).toEqual([]);
  });

  test("is stopped in order while a call hangs in a library that ignores signals", async () => {
    await useLibrary({ MEDDLE: 1, HANG: 1, LOG: JSON.stringify(join(scene.folder, "calls")) });
    let pid = 0;
    const ended = runServerToItsEnd(await scene.launch(), (child) => {
      pid = child;
    });
    await eventually(() => existsSync(join(scene.folder, "calls")));
    await eventually(() => readFileSync(join(scene.folder, "calls"), "utf8").includes("init"));
    // SIGTERM is 15, SIGINT 2; the library's call ignores them, until they are put back.
    const handled = (1 << 14) | (1 << 1);
    await eventually(() => (caughtSignals(pid) & handled) === handled);
    process.kill(pid, "SIGTERM");
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    expect(stdout).toContain('"signal":"SIGTERM","msg":"stopping"');
  });

  test.each([
    [
      "that hangs",
      { HANG: 1 },
      "RELEASE_TIMEOUT",
      75,
      /no key by then \((?:the last attempt is still waiting|.*another release that has not ended)/u,
    ],
    [
      "that fails",
      { GET_STATUS: 40_003 },
      "CLIENT_FAILED",
      75,
      /get_secret to return 0; got its error 40003/u,
    ],
    ["that releases nonsense", { LENGTH: 31 }, "RELEASE_INVALID", 77, /got 31 bytes/u],
    [
      "that lacks a function",
      { WITHOUT_TERMINATE: 1 },
      "CLIENT_INVALID",
      78,
      /ssr_client_terminate/u,
    ],
  ] as const)(
    "%s ends in time with one error line",
    async (_what, macros, code, exitCode, says) => {
      await useLibrary(macros);
      if (code === "RELEASE_TIMEOUT") scene.inference["Release"] = { DeadlineMs: 1500 };
      const start = performance.now();
      const ended = await runServerToItsEnd(await scene.launch());
      expect(performance.now() - start).toBeLessThan(10_000);
      await expectFailedBoot(ended, scene, { code, exitCode, says });
      expect(ended.stdout + ended.stderr).not.toContain(keyOf("ModelKey").toString("hex"));
    },
  );
});
