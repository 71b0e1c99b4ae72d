import { createServer, type Server } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import axios, { type AxiosResponse } from "axios";
import { takeKey } from "../../src/crypto/aes-key.js";
import { Metrics } from "../../src/metrics/metrics.js";
import { metricsListener } from "../../src/metrics/server.js";
import { ImageKeys } from "../../src/keys/image-keys.js";

let metrics: Metrics;
let server: Server;

beforeEach(async () => {
  metrics = new Metrics();
  server = createServer(metricsListener(metrics));
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
  test("count requests by route, status and code, with their duration", async () => {
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

  test("show the duration of each stage, and the pictures in each run", async () => {
    metrics.observeStage("decode", 8);
    metrics.observeStage("decode", 4);
    metrics.observeStage("queue", 30);
    metrics.observeBatch(3);
    const { data } = await ask("/metrics");
    expect(data).toContain('confml_stage_duration_seconds_sum{stage="decode"} 0.012\n');
    expect(data).toContain('confml_stage_duration_seconds_bucket{le="0.005",stage="decode"} 1\n');
    expect(data).toContain('confml_stage_duration_seconds_count{stage="queue"} 1\n');
    expect(data).toContain('confml_batch_size_bucket{le="2"} 0\n');
    expect(data).toContain('confml_batch_size_bucket{le="4"} 1\n');
  });

  test("show the queues' current lengths, and the model's size", async () => {
    const lengths = { decode: 2, inference: 5 };
    metrics.watchQueues({ decode: () => lengths.decode, inference: () => lengths.inference });
    metrics.setModelBytes(244_403_304);
    const first = (await ask("/metrics")).data;
    expect(first).toContain('confml_queue_length{queue="decode"} 2\n');
    expect(first).toContain('confml_queue_length{queue="inference"} 5\n');
    expect(first).toContain("confml_model_bytes 244403304\n");
    lengths.inference = 0;
    expect((await ask("/metrics")).data).toContain('confml_queue_length{queue="inference"} 0\n');
  });

  test("show the process' memory and the event loop's lag", async () => {
    const { data } = await ask("/metrics");
    const bytes = Number(/^process_resident_memory_bytes (\d+)$/mu.exec(data)?.[1]);
    expect(bytes).toBeGreaterThan(10_000_000);
    expect(data).toMatch(/^nodejs_eventloop_lag_p99_seconds [\d.e-]+$/mu);
  });

  test("show the processor time in seconds until it decreases", async () => {
    const times = [
      { user: 1_500_000, system: 250_000 },
      { user: 2_000_000, system: 250_000 },
    ];
    metrics = new Metrics({
      unreliable: [],
      processorTime: () => times.shift() ?? { user: 0, system: 0 },
    });
    expect(await metrics.render()).toContain("\nprocess_cpu_user_seconds_total 1.5\n");
    const text = await metrics.render();
    expect(text).toContain("\nprocess_cpu_user_seconds_total 2\n");
    expect(text).toContain("\nprocess_cpu_system_seconds_total 0.25\n");
    expect(text).toContain("\nprocess_cpu_seconds_total 2.25\n");
    // The time has decreased: the output is the last one, then without it, and never fails.
    expect(await metrics.render()).toContain("\nprocess_cpu_user_seconds_total 2\n");
    expect(await metrics.render()).not.toContain("process_cpu");
  });

  test("leave out figures that the system does not report correctly", async () => {
    const text = await new Metrics({ unreliable: ["resident memory", "processor time"] }).render();
    expect(text).not.toMatch(/process_(?:cpu|resident|virtual|heap)/u);
    expect(text).toContain("nodejs_eventloop_lag_p99_seconds");
  });

  test("show the number of lost log lines", async () => {
    const lost = { lines: 3 };
    metrics.watchLog(() => lost.lines);
    expect(await metrics.render()).toContain("\nconfml_log_lines_lost_total 3\n");
    lost.lines = 5;
    expect(await metrics.render()).toContain("\nconfml_log_lines_lost_total 5\n");
  });

  test("show the current state of each owner's key", async () => {
    const keys = await ImageKeys.create({ ids: ["Alice"], legacyId: "Bob", graceMs: 0 });
    metrics.watchKeys(keys);
    keys.accept("Alice", { key: await takeKey(Buffer.alloc(32, 1), "jwe"), version: "1" });
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
  ])("are served at one path only: %s %s is not found", async (method, path) => {
    expect((await ask(path, method)).status).toBe(404);
  });
});
