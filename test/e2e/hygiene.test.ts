import { readFile, readdir } from "node:fs/promises";
import { watch } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { setScene, type Scene } from "../helpers/scene.js";
import { startServer, type ServerProcess } from "../helpers/server-process.js";

let scene: Scene;
let server: ServerProcess;

beforeEach(async () => {
  scene = await setScene();
  await scene.importKeys();
});

afterEach(async () => {
  await server.stop();
  await scene.close();
});

/** Starts the server with one of Node's diagnostic options, as the host could, and triggers the file that it writes. */
async function diagnose(option: string, name: RegExp): Promise<string> {
  const folder = scene.folder;
  scene.environment["NODE_OPTIONS"] =
    `${option} --diagnostic-dir=${folder} --report-directory=${folder}`;
  server = await startServer(await scene.launch());
  const written = new Promise<string>((resolve, reject) => {
    const watcher = watch(folder, () => {
      void wholeFile(folder, name).then((text) => {
        if (text === undefined) return;
        watcher.close();
        resolve(text);
      }, reject);
    });
  });
  process.kill(server.pid, "SIGUSR2");
  return written;
}

/** Both kinds of file are JSON: one that is not complete yet cannot be parsed. */
async function wholeFile(folder: string, name: RegExp): Promise<string | undefined> {
  const file = (await readdir(folder)).find((one) => name.test(one));
  if (file === undefined) return undefined;
  const text = await readFile(join(folder, file), "utf8");
  try {
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}

function expectNoKeys(text: string): void {
  for (const key of [scene.modelKey, scene.imageKey, scene.sealKey]) {
    for (const form of ["hex", "base64", "base64url"] as const) {
      expect(text).not.toContain(key.toString(form));
    }
    // The bytes as a JSON text would contain them.
    expect(text).not.toContain(JSON.stringify(key.toString("latin1")).slice(1, -1));
    expect(text).not.toContain([...key].join(","));
  }
}

describe("a running server's process:", () => {
  test("a heap snapshot contains no key", async () => {
    const snapshot = await diagnose("--heapsnapshot-signal=SIGUSR2", /\.heapsnapshot$/u);
    // Proves that this is a snapshot of this server's heap.
    expect(snapshot).toContain("ModelKey");
    expectNoKeys(snapshot);
  });

  test("a diagnostic report contains no key and no client secret, although it prints the environment", async () => {
    const report = await diagnose("--report-on-signal", /^report\..*\.json$/u);
    expect(report).toContain('"environmentVariables"');
    expect(report).toContain(scene.environment["APP_ID"]);
    expect(report).not.toContain(scene.environment["CLIENT_SECRET"]);
    expectNoKeys(report);
  });

  test("its arguments contain only the configuration's path", async () => {
    server = await startServer(await scene.launch());
    const line = await readFile(`/proc/${server.pid}/cmdline`, "utf8");
    expect(line.split("\0").slice(1, -1)).toEqual([
      expect.stringMatching(/dist\/main\.js$/u),
      "--config",
      join(scene.folder, "config.json"),
    ]);
  });
});
