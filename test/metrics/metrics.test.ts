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
  test("count requests by method, route, status and code, with their exact duration", async () => {
    const post = { method: "POST", route: "/evaluate" };
    metrics.requests.count({ ...post, status: 200, code: undefined, tookMs: 0.4 });
    metrics.requests.count({ ...post, status: 413, code: "UPLOAD_TOO_LARGE", tookMs: 30 });
    const { data, headers } = await ask("/metrics");
    expect(headers["content-type"]).toMatch(/^text\/plain/u);
    const labels = 'method="POST",route="/evaluate",status';
    expect(data).toContain(`confml_requests_total{${labels}="200",code=""} 1\n`);
    expect(data).toContain(`confml_requests_total{${labels}="413",code="UPLOAD_TOO_LARGE"} 1\n`);
    expect(data).toContain(`confml_request_duration_seconds_sum{${labels}="200"} 0.0004\n`);
    expect(data).toContain(`confml_request_duration_seconds_sum{${labels}="413"} 0.03\n`);
  });

  test("show of a refused ciphertext's duration its bucket alone", async () => {
    const refused = { method: "POST", route: "/evaluate", status: 422 };
    for (const tookMs of [2.6, 5, 31_000]) {
      metrics.requests.count({ ...refused, code: "ENCRYPTED_IMAGE_REJECTED", tookMs });
    }
    const series = '{method="POST",route="/evaluate",status="422"}';
    const text = await metrics.render();
    expect(text).toContain(`confml_request_duration_seconds_sum${series} 30.01\n`);
    expect(text).toContain(`confml_request_duration_seconds_count${series} 3\n`);
  });

  test("have no label for a method of the client's choice, or for an error that it did not wait for", async () => {
    const kind = { route: "(none)", status: 404, code: "NOT_FOUND", tookMs: 1 };
    metrics.requests.count({ ...kind, method: "M-SEARCH" });
    metrics.requests.count({ ...kind, method: "PROPFIND" });
    metrics.requests.count({ ...kind, method: "POST", status: 499, code: "UPLOAD_TOO_LARGE" });
    const text = await metrics.render();
    expect(text).toContain(
      'confml_requests_total{method="other",route="(none)",status="404",code="NOT_FOUND"} 2\n',
    );
    expect(text).toContain(
      'confml_requests_total{method="POST",route="(none)",status="499",code=""} 1\n',
    );
    expect(text).not.toMatch(/M-SEARCH|PROPFIND/u);
  });

  test("show the requests in flight", async () => {
    metrics.requests.start();
    metrics.requests.start();
    metrics.requests.count({ method: "GET", route: "/", status: 200, code: undefined, tookMs: 1 });
    expect(await metrics.render()).toContain("\nconfml_requests_in_flight 1\n");
  });

  test("show the build, and the model by name, version and hash", async () => {
    metrics.setBuild({ version: "1.2.3", platform: "none" });
    metrics.setModel({ name: "colours", version: "1", sha256: "ab".repeat(32), bytes: 1 });
    const text = await metrics.render();
    expect(text).toContain(
      `\nconfml_build_info{version="1.2.3",platform="none",node="${process.version}"} 1\n`,
    );
    expect(text).toContain(
      `\nconfml_model_info{name="colours",version="1",sha256="${"ab".repeat(32)}"} 1\n`,
    );
  });

  test("show what was declared with 0 before it happens", async () => {
    metrics.keys.declare({ all: ["Model", "Alice"], refreshed: ["Alice"] });
    const kind = { method: "POST", route: "/evaluate", status: 503, code: "OVERLOADED" };
    metrics.requests.declare([kind, { ...kind, status: 200, code: undefined }]);
    const text = await metrics.render();
    for (const series of [
      'confml_release_retries_total{secret="Model"}',
      'confml_release_retries_total{secret="Alice"}',
      ...["first", "unchanged", "rotated", "failed"].map(
        (outcome) => `confml_key_refreshes_total{secret="Alice",outcome="${outcome}"}`,
      ),
      'confml_requests_total{method="POST",route="/evaluate",status="503",code="OVERLOADED"}',
      'confml_requests_total{method="POST",route="/evaluate",status="200",code=""}',
      'confml_request_duration_seconds_count{method="POST",route="/evaluate",status="503"}',
      'confml_stage_duration_seconds_count{stage="decrypt"}',
      'nodejs_gc_duration_seconds_count{kind="major"}',
    ]) {
      expect(text).toContain(`\n${series} 0\n`);
    }
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
    metrics.watchQueues({
      decode: () => lengths.decode,
      inference: () => lengths.inference,
      attestation: () => 3,
    });
    metrics.setModel({ name: "m", version: "1", sha256: "00", bytes: 244_403_304 });
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
    metrics.keys.watch(keys);
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
    metrics.keys.countRefresh("Alice", "failed");
    metrics.keys.countRefresh("Alice", "failed");
    metrics.keys.countRetry("Alice");
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
