import { describe, expect, test } from "@jest/globals";
import type { Express } from "express";
import request from "supertest";
import { flat } from "../helpers/pictures.js";
import { testApp } from "../helpers/test-app.js";

const page = "https://a.example";
const paths = ["/evaluate", "/v2/models/colours/infer", "/v2", "/"];

async function allowing(...corsOrigins: string[]): Promise<Express> {
  return (await testApp({ app: { corsOrigins } })).app;
}

/** The answer's headers by which a browser decides. */
function permissions(headers: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.startsWith("access-control-")),
  );
}

function preflight(app: Express, path: string, origin: string) {
  return request(app)
    .options(path)
    .set({ Origin: origin, "Access-Control-Request-Method": "POST" });
}

describe("a page of another origin", () => {
  test("is permitted nothing without configured origins", async () => {
    const app = await allowing();
    for (const path of paths) {
      const { status, headers } = await preflight(app, path, page);
      expect([status, permissions(headers)]).toEqual([405, {}]);
    }
    const { headers } = await request(app).get("/v2").set("Origin", page);
    expect([permissions(headers), headers["vary"]]).toEqual([{}, "Accept"]);
  });

  test("that is configured gets a preflight answer, and reads answers and errors", async () => {
    const app = await allowing("https://b.example:8443", page);
    for (const path of paths) {
      const { status, headers, text } = await preflight(app, path, page);
      expect([status, text]).toEqual([204, ""]);
      expect(permissions(headers)).toMatchObject({
        "access-control-allow-origin": page,
        "access-control-allow-methods": "GET, HEAD, POST",
        "access-control-allow-headers":
          "Accept-Receipt, Content-Type, Inference-Header-Content-Length, Receipt, traceparent",
      });
      expect(headers).not.toHaveProperty("access-control-allow-credentials");
    }
    const picture = await flat("red").png().toBuffer();
    const answer = await request(app)
      .post("/evaluate")
      .set("Origin", page)
      .attach("image", picture, "a.png");
    const refused = await request(app).post("/evaluate").set("Origin", page);
    expect([answer.status, refused.status]).toEqual([200, 400]);
    for (const { headers } of [answer, refused]) {
      expect(permissions(headers)).toEqual({
        "access-control-allow-origin": page,
        "access-control-expose-headers":
          "Inference-Header-Content-Length, Receipt, Retry-After, Server-Timing, X-Request-Id",
      });
      expect(headers["vary"]).toBe("Accept, Origin");
    }
  });

  test.each([
    "https://a.example.evil.example",
    "https://a.example:443",
    "http://a.example",
    "https://A.example",
    "https://xa.example",
    "https://sub.a.example",
    "null",
    "*",
    "https://a.example, https://b.example",
  ])("%s is permitted nothing where https://a.example is", async (origin) => {
    const app = await allowing(page);
    const asked = await preflight(app, "/evaluate", origin);
    expect([asked.status, permissions(asked.headers)]).toEqual([405, {}]);
    const { status, headers } = await request(app).get("/v2").set("Origin", origin);
    // A cache must not give the answer to another origin.
    expect([status, permissions(headers), headers["vary"]]).toEqual([200, {}, "Accept, Origin"]);
  });

  test("is told nothing by OPTIONS that is no preflight request", async () => {
    const app = await allowing(page);
    const { status, headers } = await request(app).options("/evaluate").set("Origin", page);
    expect([status, headers["allow"]]).toEqual([405, "POST"]);
  });
});
