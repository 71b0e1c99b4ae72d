import { afterAll, beforeAll, expect, test } from "@jest/globals";
import axios, { type AxiosResponse } from "axios";
import { setScene, type Scene } from "../helpers/scene.js";
import { startServer, type ServerProcess } from "../helpers/server-process.js";

const page = "https://a.example";
const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
let scene: Scene;
let server: ServerProcess;

beforeAll(async () => {
  scene = await setScene();
  await scene.importKeys();
  scene.inference["Listen"] = {
    ...{ Host: "127.0.0.1", Port: 0, TrustedProxies: ["127.0.0.1"], Cors: [page] },
  };
  scene.inference["Limits"] = { RequestsPerMinute: 2 };
  server = await startServer(await scene.launch());
});

afterAll(async () => {
  await server.stop();
  await scene.close();
});

async function get(client: string, headers: Record<string, string> = {}): Promise<AxiosResponse> {
  return axios.get(`http://127.0.0.1:${server.port}/v2`, {
    headers: { "X-Forwarded-For": client, ...headers },
    proxy: false,
    validateStatus: () => true,
  });
}

test("the server counts requests by the client that its proxy names", async () => {
  const statuses = [];
  for (const client of ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"])
    statuses.push((await get(client)).status);
  expect(statuses).toEqual([200, 200, 429, 200]);
});

test("pages of the configured origin alone may read its answers", async () => {
  const allowed = await get("192.0.2.3", { Origin: page });
  const other = await get("192.0.2.3", { Origin: "https://b.example" });
  expect(allowed.headers).toHaveProperty("access-control-allow-origin", page);
  expect(other.headers).not.toHaveProperty("access-control-allow-origin");
});

test("the trace-id of traceparent, and nothing else of it, is in the log and in the answer", async () => {
  const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
  const { headers } = await get("192.0.2.4", { traceparent, "X-Request-Id": "client-words" });
  expect(headers).toHaveProperty("x-request-id", traceId);
  await server.printed(new RegExp(`"requestId":"${traceId}"[^\\n]*"msg":"request"`, "u"));
  expect(server.output()).not.toMatch(/00f067aa0ba902b7|client-words|192\.0\.2\./u);
});
