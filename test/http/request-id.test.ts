import { describe, expect, test } from "@jest/globals";
import request from "supertest";
import { requestIdOf } from "../../src/http/request-id.js";
import { flat } from "../helpers/pictures.js";
import { evaluate, testApp } from "../helpers/test-app.js";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const parentId = "00f067aa0ba902b7";
const valid = `00-${traceId}-${parentId}-01`;

describe("the identifier of a request", () => {
  test.each([
    valid,
    `00-${traceId}-${parentId}-00`,
    `01-${traceId}-${parentId}-01-what-comes-later`,
  ])("is the trace-id of %s (W3C Trace Context, section 3.2)", (traceparent) => {
    expect(requestIdOf(traceparent)).toBe(traceId);
  });

  test.each([
    [undefined],
    [""],
    [traceId],
    [`00-${"0".repeat(32)}-${parentId}-01`],
    [`00-${traceId}-${"0".repeat(16)}-01`],
    [`ff-${traceId}-${parentId}-01`],
    [`00-${traceId}-${parentId}-01-more`],
    [`01-${traceId}-${parentId}-01more`],
    [`00-${traceId.toUpperCase()}-${parentId}-01`],
    [`00-${traceId.slice(1)}-${parentId}-01`],
    [`00-${traceId}a-${parentId}-01`],
    [`${valid}\n`],
    [` ${valid}`],
    [`${valid}, ${valid}`],
    [[valid, valid]],
    [`00-${"x".repeat(32)}-${parentId}-01`],
  ])("is random for %j", (traceparent) => {
    const ids = [requestIdOf(traceparent), requestIdOf(traceparent)];
    expect(ids).toEqual(ids.map(() => expect.stringMatching(/^[0-9a-f]{32}$/u)));
    expect(new Set([...ids, traceId]).size).toBe(3);
  });

  test("stands in the answer's header, the summary and problem details; nothing else of the client's headers does", async () => {
    const confml = await testApp();
    const headers = {
      traceparent: `cc-${traceId}-0123456789abcdef-01-client-words`,
      tracestate: "client=words",
      "X-Request-Id": "client-words",
      Accept: "application/json",
    };
    const found = await request(confml.app).get("/v2").set(headers);
    const missing = await request(confml.app).get("/nothing").set(headers);
    const refused = await request(confml.app).get("/v2/models/other").set(headers);
    for (const answer of [found, missing, refused]) {
      expect(answer.headers["x-request-id"]).toBe(traceId);
      const all = JSON.stringify([answer.headers, answer.text]);
      expect(all).not.toMatch(/client-words|0123456789abcdef|client=words/u);
    }
    expect(missing.body).toMatchObject({ code: "NOT_FOUND", request_id: traceId });
    expect(confml.summaries.map(({ requestId }) => requestId)).toEqual([traceId, traceId, traceId]);
    expect(JSON.stringify(confml.summaries)).not.toMatch(/client-words|0123456789abcdef/u);
  });

  test("is another one for each request without traceparent", async () => {
    const confml = await testApp();
    const picture = await flat("red").png().toBuffer();
    const answers = [await evaluate(confml, picture), await evaluate(confml, picture)];
    const ids = answers.map(({ headers }) => String(headers["x-request-id"]));
    expect(new Set(ids).size).toBe(2);
    expect(confml.summaries.map(({ requestId }) => requestId)).toEqual(ids);
  });
});
