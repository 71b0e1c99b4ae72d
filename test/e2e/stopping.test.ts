import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { eventually } from "../helpers/eventually.js";
import { rawClient } from "../helpers/raw-client.js";
import { setScene, type Scene } from "../helpers/scene.js";
import { projectFolder, startServer, type ServerProcess } from "../helpers/server-process.js";

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

describe("a server that is told to stop", () => {
  test("ends with code 0 whatever connections without a request are open", async () => {
    scene.inference["Metrics"] = { Host: "127.0.0.1", Port: 0 };
    // The time limits are so long that they do not close the connections.
    scene.inference["Limits"] = { HeaderTimeoutMs: 600_000 };
    server = await startServer(await scene.launch());
    const metricsPort = Number(/"metricsPort":(\d+)/u.exec(server.output())?.[1]);
    const idle = "GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n";
    const clients = await Promise.all(
      [server.port, metricsPort].flatMap((port) =>
        ["", "GET /v2 HTT", "GET /v2 HTTP/1.1\r\nHost: x\r\n", idle].flatMap((text) =>
          Array.from({ length: 10 }, () => rawClient(port, text)),
        ),
      ),
    );
    await Promise.all(
      clients.filter((_client, at) => at % 40 >= 30).map(({ until }) => until(/\}|metrics/u)),
    );
    expect(await server.stop()).toBe(0);
    expect(await readdir(scene.keysFolder)).toEqual([]);
    await Promise.all(clients.map(({ closed }) => closed));
  });

  test("removes the keys and ends even while every thread of libuv's pool is blocked", async () => {
    const held = join(projectFolder, "test/fixtures/platform/held-pool.mjs");
    scene.environment["NODE_OPTIONS"] = `--import=${held}`;
    server = await startServer(await scene.launch());
    process.kill(server.pid, "SIGWINCH");
    await eventually(() => server.output().includes("the pool is held"));
    process.kill(server.pid, "SIGTERM");
    expect([0, 75]).toContain(await server.exited);
    expect(await readdir(scene.keysFolder)).toEqual([]);
  });
});
