import { beforeAll, describe, expect, test } from "@jest/globals";
import request from "supertest";
import { takeKey } from "../../src/crypto/aes-key.js";
import { testApp, type TestApp } from "../helpers/test-app.js";

let confml: TestApp;

beforeAll(async () => {
  confml = await testApp();
});

const extensions = ["binary_tensor_data", "classification"];

describe("GET", () => {
  test("/ says where the server runs", async () => {
    const outside = await request(confml.app).get("/");
    expect([outside.status, outside.text]).toEqual([
      200,
      "Hello from outside any TEE: nothing here is confidential.",
    ]);
    const inside = await testApp({ app: { platform: "mystikos-sgx" } });
    expect((await request(inside.app).get("/")).text).toBe("Hello from inside Mystikos!");
  });

  test.each([
    [
      "/v2",
      {
        name: "confml",
        version: "1.2.3",
        platform: "none",
        extensions,
        attestation: { available: false },
      },
    ],
    ["/v2/health/live", { live: true }],
    [
      "/v2/health/ready",
      {
        ready: true,
        degraded: true,
        keys: { total: 4, current: 3, stale: 0, missing: 1 },
      },
    ],
    ["/v2/models/colours/ready", { name: "colours", ready: true }],
    ["/v2/models/colours/versions/1/ready", { name: "colours", ready: true }],
    [
      "/v2/models/colours",
      {
        name: "colours",
        versions: ["1"],
        platform: "onnxruntime_onnx",
        inputs: [{ name: "pixels", shape: [-1, 3, 32, 32], datatype: "FP32" }],
        outputs: [{ name: "scores", shape: [-1, 3], datatype: "FP32" }],
      },
    ],
  ])("%s", async (path, body) => {
    const response = await request(confml.app).get(path);
    expect([response.status, response.body]).toEqual([200, body]);
    expect((await request(confml.app).head(path)).status).toBe(200);
  });

  test("the model takes BYTES alone where plain pictures are refused", async () => {
    const { app } = await testApp({ app: { formats: ["jwe"] } });
    const { text } = await request(app).get("/v2/models/colours/versions/1");
    expect(JSON.parse(text)).toMatchObject({
      inputs: [{ name: "pixels", shape: [-1], datatype: "BYTES" }],
    });
  });

  test("/v2/health/ready counts current, stale and missing keys, and names none", async () => {
    const { app, keys } = await testApp();
    keys.fail("First");
    const stale = await request(app).get("/v2/health/ready");
    expect(stale.body).toEqual({
      ready: true,
      degraded: true,
      keys: { total: 4, current: 2, stale: 1, missing: 1 },
    });
    expect(stale.text).not.toMatch(/First|Second|Legacy|Missing/u);
    for (const id of ["First", "Missing"]) {
      keys.accept(id, { key: await takeKey(Buffer.alloc(32, 1), "jwe"), version: "2" });
    }
    const mended = await request(app).get("/v2/health/ready");
    expect(mended.body).toMatchObject({ degraded: false, keys: { current: 4 } });
  });

  test("health checks report a stopping server as live but not ready", async () => {
    const { app } = await testApp({ app: { isStopping: () => true } });
    expect((await request(app).get("/v2/health/ready")).status).toBe(503);
    expect((await request(app).get("/v2/models/colours/ready")).status).toBe(503);
    expect((await request(app).get("/v2/health/live")).status).toBe(200);
  });

  test("a path that does not exist is answered with the paths that do", async () => {
    const { text } = await request(confml.app).get("/health");
    expect(text).toMatch(
      /^NOT_FOUND: expected one of GET \/, GET \/attestation, POST \/evaluate, GET \/v2, /u,
    );
    expect(text).toContain("GET /v2/models/:name/ready");
    expect(text).not.toContain("undefined");
  });

  test("what is not there is not found", async () => {
    const { status, text } = await request(confml.app).get("/nothing");
    expect([status, text]).toEqual([404, expect.stringMatching(/^NOT_FOUND: /u)]);
  });

  test.each([
    "/v2/nothing",
    "/v2/models/other",
    "/v2/models/other/ready",
    "/v2/models/colours/versions/2",
    "/v2/models/colours/versions/2/ready",
    "/v2/models/%ff",
  ])("%s is not found, and the error is the Open Inference Protocol's", async (path) => {
    const { status, text, headers } = await request(confml.app).get(path).set("Accept", "*/*");
    expect([status, JSON.parse(text)]).toEqual([
      404,
      { error: expect.any(String), code: "NOT_FOUND" },
    ]);
    // KServe's Python client reads errors of exactly this type.
    expect(headers["content-type"]).toBe("application/json");
    expect(confml.bugs).toEqual([]);
  });
});

test.each([
  ["delete", "/", "GET, HEAD"],
  ["post", "/v2/health/live", "GET, HEAD"],
  ["get", "/evaluate", "POST"],
  ["put", "/evaluate", "POST"],
  ["get", "/v2/models/colours/infer", "POST"],
] as const)("%s %s is refused, with the methods that are not", async (method, path, allowed) => {
  const { status, headers, text } = await request(confml.app)[method](path);
  const expected = path.startsWith("/v2")
    ? JSON.stringify({ error: `expected ${allowed}`, code: "METHOD_NOT_ALLOWED" })
    : `METHOD_NOT_ALLOWED: expected ${allowed}`;
  expect([status, headers["allow"], text]).toEqual([405, allowed, expected]);
});

test("answers must not be cached, and do not name the server's software", async () => {
  const { headers } = await request(confml.app).get("/");
  expect(headers).toMatchObject({
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  expect(headers).not.toHaveProperty("x-powered-by");
});
