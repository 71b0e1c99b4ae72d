import type { Server } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import axios, { type AxiosResponse } from "axios";
import { AesKey } from "../../src/crypto/aes-key.js";
import { Metrics } from "../../src/metrics/metrics.js";
import { createMetricsServer } from "../../src/metrics/server.js";
import { ImageKeys } from "../../src/secrets/image-keys.js";

let metrics: Metrics;
let server: Server;

beforeEach(async () => {
  metrics = new Metrics();
  server = createMetricsServer(metrics);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

async function ask(path: string, method = "GET"): Promise<AxiosResponse<string>> {
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return axios.request<string>({
    url: `http://127.0.0.1:${address.port}${path}`,
    method,
    responseType: "text",
    proxy: false,
    validateStatus: () => true,
  });
}

describe("the metrics", () => {
  test("count requests by route, status and code, and how long they took", async () => {
    metrics.countRequest({ route: "/evaluate", status: 200, code: undefined, tookMs: 30 });
    metrics.countRequest({ route: "/evaluate", status: 422, code: "REJECTED", tookMs: 3 });
    const { data, headers } = await ask("/metrics");
    expect(headers["content-type"]).toMatch(/^text\/plain/u);
    expect(data).toContain('confml_requests_total{route="/evaluate",status="200",code=""} 1\n');
    expect(data).toContain(
      'confml_requests_total{route="/evaluate",status="422",code="REJECTED"} 1',
    );
    expect(data).toContain('confml_request_duration_seconds_sum{route="/evaluate"} 0.033\n');
  });

  test("show each owner's key as it is now", async () => {
    const keys = await ImageKeys.create({ ids: ["Alice", "Bob"], legacyId: "Bob", graceMs: 0 });
    metrics.watchKeys(keys);
    keys.accept("Alice", { key: await AesKey.take(Buffer.alloc(32, 1)), version: "1" });
    const state = async (): Promise<string[]> =>
      (await ask("/metrics")).data.match(/^confml_image_key\{.*\} 1$/gmu) ?? [];
    expect(await state()).toEqual([
      'confml_image_key{secret="Alice",state="current"} 1',
      'confml_image_key{secret="Bob",state="missing"} 1',
    ]);
    keys.fail("Alice");
    expect(await state()).toContain('confml_image_key{secret="Alice",state="stale"} 1');
  });

  test("count refreshes and retries by secret", async () => {
    metrics.countRefresh("Alice", "failed");
    metrics.countRefresh("Alice", "failed");
    metrics.countRetry("Alice");
    const { data } = await ask("/metrics");
    expect(data).toContain('confml_key_refreshes_total{secret="Alice",outcome="failed"} 2\n');
    expect(data).toContain('confml_release_retries_total{secret="Alice"} 1\n');
  });

  test.each([
    ["GET", "/"],
    ["GET", "/metrics/"],
    ["POST", "/metrics"],
    ["GET", "/evaluate"],
  ])("are at one place alone: %s %s is not found", async (method, path) => {
    expect((await ask(path, method)).status).toBe(404);
  });
});
