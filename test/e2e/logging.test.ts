import { readdir } from "node:fs/promises";
import { Agent, createServer } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import axios from "axios";
import { eventually } from "../helpers/eventually.js";
import { listenOnLoopback } from "../helpers/raw-client.js";
import { setScene, type Scene } from "../helpers/scene.js";
import { runServerToItsEnd, startServer } from "../helpers/server-process.js";

let scene: Scene;

beforeEach(async () => {
  scene = await setScene();
});

afterEach(async () => {
  await scene.close();
});

const streams = [
  ["full", ["sh", "-c", 'exec "$@" >/dev/full 2>/dev/full', "sh"]],
  ["closed", ["sh", "-c", 'exec "$@" >&- 2>&-', "sh"]],
] as const;

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listenOnLoopback(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe.each(streams)("with both output streams %s", (_what, wrapper) => {
  test("a boot that fails ends with its exit code, and no key file is left", async () => {
    await scene.importKeys();
    scene.inference.Model["Sha256"] = "0".repeat(64);
    const { code, stdout } = await runServerToItsEnd({
      ...(await scene.launch()),
      wrapper: [...wrapper],
    });
    expect([code, stdout]).toEqual([77, ""]);
    expect(await readdir(scene.keysFolder)).toEqual([]);
  });

  test("a server answers, counts lost log lines, and stops in order", async () => {
    await scene.importKeys();
    const [port, metricsPort] = [await freePort(), await freePort()];
    scene.inference["Listen"] = { Host: "127.0.0.1", Port: port };
    scene.inference["Metrics"] = { Host: "127.0.0.1", Port: metricsPort };
    let pid = 0;
    const ended = runServerToItsEnd(
      { ...(await scene.launch()), wrapper: [...wrapper] },
      (child) => {
        pid = child;
      },
    );
    const ask = async (path: string, of = port): Promise<string> =>
      axios
        .get<string>(`http://127.0.0.1:${of}${path}`, { proxy: false, responseType: "text" })
        .then(({ data }) => data)
        .catch(() => "");
    let live = "";
    void (async () => {
      while (live === "") live = await ask("/v2/health/live");
    })();
    await eventually(() => live !== "");
    const lost = /^confml_log_lines_lost_total (\d+)$/mu.exec(await ask("/metrics", metricsPort));
    // Node opens /dev/null in place of a closed stream.
    if (wrapper[2].includes("full")) expect(Number(lost?.[1])).toBeGreaterThan(3);
    else expect(lost?.[1]).toBe("0");
    process.kill(pid, "SIGTERM");
    expect((await ended).code).toBe(0);
    expect(await readdir(scene.keysFolder)).toEqual([]);
  });
});

test("a log whose reader has stalled delays neither answers nor the end", async () => {
  await scene.importKeys();
  const server = await startServer(await scene.launch());
  server.stopReading();
  const agent = new Agent({ keepAlive: true, maxSockets: 10 });
  const ask = async (): Promise<number> => {
    const url = `http://127.0.0.1:${server.port}/nothing`;
    const options = { proxy: false, httpAgent: agent, validateStatus: () => true } as const;
    return (await axios.get(url, options)).status;
  };
  const rounds = 15;
  for (let round = 0; round < rounds; round += 1) {
    const statuses = await Promise.all(Array.from({ length: 100 }, ask));
    expect(new Set(statuses)).toEqual(new Set([404]));
  }
  agent.destroy();
  expect(await server.stop()).toBe(0);
  // Proves that the log was larger than the pipe's buffer.
  expect(server.output().match(/"msg":"request"/gu)?.length).toBeLessThan(rounds * 100);
  expect(await readdir(scene.keysFolder)).toEqual([]);
});

test("health checks are not logged", async () => {
  await scene.importKeys();
  const server = await startServer(await scene.launch());
  for (const path of ["/v2/health/live", "/v2/health/ready", "/v2"]) {
    await axios.get(`http://127.0.0.1:${server.port}${path}`, { proxy: false });
  }
  await server.stop();
  expect(server.output().match(/"route":"[^"]*"/gu)).toEqual(['"route":"/v2"']);
});
