import { describe, expect, test } from "@jest/globals";
import type { Express } from "express";
import request from "supertest";
import { RequestError } from "../../src/http/request-error.js";
import { RequestRate } from "../../src/http/request-rate.js";
import { TrustedProxies } from "../../src/http/trusted-proxies.js";
import { testApp } from "../helpers/test-app.js";

function limited(maxPerMinute: number) {
  const clock = { now: 0 };
  const rate = new RequestRate({ maxPerMinute, now: () => clock.now });
  const ask = (address: string): "admitted" | { retryAfterSeconds: unknown } => {
    try {
      rate.admit(address);
      return "admitted";
    } catch (error) {
      if (!(error instanceof RequestError) || error.code !== "RATE_LIMITED") throw error;
      return { retryAfterSeconds: error.retryAfterSeconds };
    }
  };
  return { clock, ask };
}

/** Asks for a path with `X-Forwarded-For`, from loopback, and returns the status. */
async function statusFor(app: Express, forwardedFor?: string, path = "/v2"): Promise<number> {
  const call = request(app).get(path);
  if (forwardedFor !== undefined) call.set("X-Forwarded-For", forwardedFor);
  return (await call).status;
}

async function behind(...proxies: string[]): Promise<Express> {
  const requestRate = new RequestRate({ maxPerMinute: 1 });
  const trustedProxies = new TrustedProxies(proxies);
  return (await testApp({ app: { requestRate, trustedProxies } })).app;
}

describe("the limit for requests", () => {
  test("refuses those of an address until its minute ends, and says when that is", () => {
    const { clock, ask } = limited(2);
    clock.now = 1000;
    expect([ask("10.0.0.1"), ask("10.0.0.1")]).toEqual(["admitted", "admitted"]);
    clock.now = 21_500;
    expect(ask("10.0.0.1")).toEqual({ retryAfterSeconds: 40 });
    expect(ask("10.0.0.2")).toBe("admitted");
    clock.now = 60_999;
    expect(ask("10.0.0.1")).toEqual({ retryAfterSeconds: 1 });
    clock.now = 61_000;
    expect(ask("10.0.0.1")).toBe("admitted");
  });

  test("counts an IPv6 /64 as one client", () => {
    const { ask } = limited(1);
    expect([ask("2001:db8::1"), ask("2001:db8:0:1::1")]).toEqual(["admitted", "admitted"]);
    expect(ask("2001:db8::ffff:2")).not.toBe("admitted");
  });

  test("is off at 0", () => {
    const { ask } = limited(0);
    const all = Array.from({ length: 1000 }, () => ask("10.0.0.1"));
    expect(new Set(all)).toEqual(new Set(["admitted"]));
  });

  test("answers 429 with Retry-After, to everything but health checks", async () => {
    const app = await behind();
    expect((await request(app).get("/v2")).status).toBe(200);
    for (const path of ["/v2", "/", "/nothing", "/openapi.json"]) {
      const { status, headers, text } = await request(app).get(path);
      expect([path, status, Number(headers["retry-after"])]).toEqual([path, 429, 60]);
      expect(text).toContain("expected at most 1 requests a minute (Limits.RequestsPerMinute)");
    }
    const upload = request(app).post("/evaluate").attach("image", Buffer.alloc(10), "a.png");
    expect((await upload).status).toBe(429);
    expect((await request(app).get("/v2/health/ready")).status).toBe(200);
    expect((await request(app).get("/v2/health/live")).status).toBe(200);
  });
});

describe("X-Forwarded-For", () => {
  test("is ignored unless the connection is a trusted proxy's", async () => {
    for (const proxies of [[], ["10.0.0.0/8"], ["::/1"], ["127.0.0.2"]]) {
      const app = await behind(...proxies);
      expect(await statusFor(app, "192.0.2.1")).toBe(200);
      expect(await statusFor(app, "192.0.2.2")).toBe(429);
    }
  });

  test.each([["127.0.0.1"], ["127.0.0.0/8"]])(
    "of a proxy at %s names the client",
    async (proxy) => {
      const app = await behind(proxy);
      expect(await statusFor(app, "192.0.2.1")).toBe(200);
      expect(await statusFor(app, "192.0.2.2")).toBe(200);
      expect(await statusFor(app, "192.0.2.2")).toBe(429);
    },
  );

  test("names the client in the last element that is not a trusted proxy's; the client wrote those before", async () => {
    const app = await behind("127.0.0.1", "10.0.0.0/8");
    expect(await statusFor(app, "198.51.100.1, 192.0.2.1, 10.1.2.3")).toBe(200);
    expect(await statusFor(app, "198.51.100.2, 192.0.2.1, 10.1.2.3")).toBe(429);
    expect(await statusFor(app, "198.51.100.2, 192.0.2.1")).toBe(429);
    expect(await statusFor(app, "192.0.2.1, 198.51.100.2")).toBe(200);
  });

  test("may have ports, and IPv6 addresses in brackets", async () => {
    const app = await behind("127.0.0.1", "10.0.0.0/8");
    expect(await statusFor(app, "192.0.2.1:1111")).toBe(200);
    expect(await statusFor(app, "192.0.2.1:2222, 10.0.0.1:80")).toBe(429);
    expect(await statusFor(app, "[2001:db8::1]:1111")).toBe(200);
    expect(await statusFor(app, "2001:db8::2")).toBe(429);
  });

  test("that is no address, or is missing, makes all clients of that proxy one", async () => {
    const app = await behind("127.0.0.1");
    expect(await statusFor(app)).toBe(200);
    for (const text of ["unknown", "client-1", "1.2.3", "192.0.2.1, _hidden", ""]) {
      expect([text, await statusFor(app, text)]).toEqual([text, 429]);
    }
  });
});
