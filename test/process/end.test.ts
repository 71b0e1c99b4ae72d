import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { compileSources } from "../native/compiled-sources.js";

let folder = "";
let keyFile = "";
let compiled: (module: string) => string;
let count = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-end-"));
  compiled = await compileSources(folder);
});

beforeEach(async () => {
  const keys = join(folder, `keys-${(count += 1)}`);
  await mkdir(keys);
  keyFile = join(keys, "a.key");
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

interface Ended {
  code: unknown;
  signal: string | null;
  stderr: string;
  left: string[];
}

/** Runs a script in a process that has a ProcessEnd `end`, a log, and a server with one key file. */
async function run(script: string, isRead = true): Promise<Ended> {
  const whole = `
    import { mkdirSync, writeFileSync } from "node:fs";
    import { ProcessEnd } from "${compiled("process/end.js")}";
    const keyFile = ${JSON.stringify(keyFile)};
    const end = new ProcessEnd();
    end.watch();
    await end.prepare();
    let stop = () => Promise.resolve();
    const log = { info: () => undefined, error: () => undefined };
    end.serve({ log, keyFiles: [keyFile], stop: () => stop() });
    writeFileSync(keyFile, "key");
    setInterval(() => undefined, 1000);
    ${script}
  `;
  const args = ["--input-type=module", "-e", whole];
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      args,
      { killSignal: "SIGKILL", timeout: 20_000 },
      (_error, _stdout, stderr) => {
        void readdir(join(keyFile, "..")).then((left) => {
          resolve({ code: child.exitCode, signal: child.signalCode, stderr, left });
        });
      },
    );
    if (!isRead) {
      child.stderr?.pause();
      child.once("exit", () => child.stderr?.resume());
    }
  });
}

describe("the end of a process", () => {
  test("removes a key file that was written while the last line was printed", async () => {
    const ended = await run(`
      void end.leave(77, "no");
      writeFileSync(keyFile, "key of a boot that goes on");
    `);
    expect(ended).toEqual({ code: 77, signal: null, stderr: "confml: error: no\n", left: [] });
  });

  test("prints its line even if libuv's pool is busy for longer than the line's time limit", async () => {
    const ended = await run(`
      const { pbkdf2 } = await import("node:crypto");
      for (let i = 0; i < 64; i += 1) pbkdf2("", "", 2 ** 30, 64, "sha512", () => undefined);
      void end.leave(77, "no");
    `);
    expect(ended).toEqual({ code: 77, signal: null, stderr: "confml: error: no\n", left: [] });
  });

  test.each([
    ["in full if the reader keeps reading", true],
    ["in part if the reader has stalled", false],
  ])("prints a line of a megabyte %s", async (_what, isRead) => {
    const { code, stderr } = await run(`void end.leave(77, "x".repeat(1_000_000));`, isRead);
    expect(code).toBe(77);
    expect(stderr.length === "confml: error: \n".length + 1_000_000).toBe(isRead);
  });

  test("is decided by the first reason", async () => {
    const { code, stderr } = await run(`
      void end.leave(77, "first");
      void end.leave(0);
      void end.fail(new Error("third"));
    `);
    expect([code, stderr]).toEqual([77, "confml: error: first\n"]);
  });

  test("is a failure if a key file cannot be removed", async () => {
    const { code, stderr } = await run(`
      mkdirSync(keyFile.replace(/a.key$/u, ".a.key.confml-new/x"), { recursive: true });
      process.kill(process.pid, "SIGTERM");
    `);
    expect([code, stderr]).toEqual([
      75,
      expect.stringMatching(/^confml: error: KEY_FILE_FAILED: removing [^\n]+a\.key: [^\n]+\n$/u),
    ]);
  });

  test("after a fault of the server is a failure, even if a signal arrives while requests end", async () => {
    const { code, left } = await run(`
      let answered;
      end.failAfter(new Promise((resolve) => (answered = resolve)), new Error("no model"));
      process.once("SIGTERM", () => setTimeout(answered, 100));
      process.kill(process.pid, "SIGTERM");
    `);
    expect([code, left]).toEqual([70, []]);
  });

  test("is a failure if stopping fails", async () => {
    const { code, stderr, left } = await run(`
      stop = () => Promise.reject(new Error("no way to stop"));
      process.kill(process.pid, "SIGHUP");
    `);
    expect([code, left]).toEqual([70, []]);
    expect(stderr).toMatch(/^confml: error: INTERNAL: [^\n]+: Error at [^\n]+\n$/u);
  });

  test("is SIGABRT if native code aborts, whatever handlers there are", async () => {
    expect(await run("process.abort();")).toMatchObject({ code: null, signal: "SIGABRT" });
  });
});
