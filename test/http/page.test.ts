import { describe, expect, test } from "@jest/globals";
import request from "supertest";
import { verdictOf } from "../../client/page/protection.js";
import { loadPage } from "../../src/http/page.js";
import { testApp } from "../helpers/test-app.js";

const chromium = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

describe("GET /", () => {
  test("answers browsers with the page under its policy, all others with the greeting", async () => {
    const { app } = await testApp();
    const page = await request(app).get("/").set("Accept", chromium);
    expect([page.status, page.type, page.text]).toEqual([
      200,
      "text/html",
      "<!doctype html><title>page</title>",
    ]);
    expect(page.headers["content-security-policy"]).toBe("default-src 'none'");
    for (const accept of ["*/*", "text/plain", "application/json", "text/plain, text/html;q=0.5"]) {
      const { text, type } = await request(app).get("/").set("Accept", accept);
      expect([type, text]).toEqual([
        "text/plain",
        "Hello from outside any TEE: nothing here is confidential.",
      ]);
    }
  });

  test("lets the built page speak with this server alone, and nobody frame it", async () => {
    const { html, policy } = await loadPage();
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'sha256-[\w+/=]{44}'; style-src 'sha256-/u,
    );
    expect(policy).toContain("; connect-src 'self'; ");
    expect(policy).toContain("; frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https:|\*/u);
    expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//u);
  });

  test("a missing page fails the boot", async () => {
    const missing = loadPage(new URL("file:///nonexistent/page.html"));
    await expect(missing).rejects.toMatchObject({ code: "PAGE_INVALID" });
  });
});

test("only a real proof on a page that is not the server's own counts as one", () => {
  const real = { emulated: false };
  expect(verdictOf(real, "disk")).toBe("proved");
  expect(verdictOf(real, "host")).toBe("proved");
  expect(verdictOf(real, "server")).toBe("worthless");
  expect(verdictOf({ emulated: true }, "disk")).toBe("emulated");
  expect(verdictOf(undefined, "disk")).toBe("nothing");
});
