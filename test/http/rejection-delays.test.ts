import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { RejectionDelays } from "../../src/http/rejection-delays.js";
import { multipartBody } from "../../bench/multipart.js";
import { eventually } from "../helpers/eventually.js";
import { flat } from "../helpers/pictures.js";
import { rawClient } from "../helpers/raw-client.js";
import { evaluate, testApp, type TestApp } from "../helpers/test-app.js";

function delays(maxDelayMs: number) {
  const clock = { now: 0 };
  const all = new RejectionDelays({ maxDelayMs, now: () => clock.now });
  const next = (count: number, address = "10.0.0.1"): number[] =>
    Array.from({ length: count }, () => all.next(address));
  return { clock, next };
}

/** Rejections that came before. */
async function appAfter(rejections: number, maxDelayMs: number): Promise<TestApp> {
  const rejectionDelays = new RejectionDelays({ maxDelayMs });
  for (let count = 0; count < rejections; count += 1) rejectionDelays.next("127.0.0.1");
  return testApp({ app: { rejectionDelays } });
}

async function serve({ app }: TestApp) {
  const server = createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { server, port };
}

const rejected = Buffer.from("not a token");

describe("the delay of an answer to a rejected upload", () => {
  test("is none for ten, then doubles up to its bound", () => {
    const { next } = delays(5000);
    expect(next(10)).toEqual(Array.from({ length: 10 }, () => 0));
    expect(next(8)).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    expect(next(5000).every((delay) => delay === 5000)).toBe(true);
  });

  test("is counted for each address, and for an IPv6 /64 as one", () => {
    const { next } = delays(5000);
    next(11);
    expect(next(1, "10.0.0.2")).toEqual([0]);
    next(10, "2001:db8::1");
    expect(next(1, "2001:db8::2")).toEqual([100]);
    expect(next(1, "2001:db8:0:1::2")).toEqual([0]);
  });

  test("ends a minute after the last rejection", () => {
    const { clock, next } = delays(5000);
    next(12);
    clock.now = 59_999;
    expect(next(1)).toEqual([400]);
    clock.now = 119_998;
    expect(next(1)).toEqual([800]);
    clock.now = 179_998;
    expect(next(1)).toEqual([0]);
  });

  test("is off at 0", () => {
    expect(
      delays(0)
        .next(100)
        .every((delay) => delay === 0),
    ).toBe(true);
  });

  test("makes only such an answer wait, and changes nothing in it", async () => {
    const delayMs = 100;
    const picture = await flat("red").png().toBuffer();
    const prompt = await evaluate(await testApp(), rejected, { name: "a.jwe" });
    const confml = await appAfter(10, delayMs);
    const delayed = await evaluate(confml, rejected, { name: "a.jwe" });
    expect([delayed.status, delayed.text]).toEqual([422, prompt.text]);
    expect((await evaluate(confml, picture)).status).toBe(200);
    expect((await evaluate(confml, Buffer.from("no picture"))).status).toBe(415);
    const [first, ...others] = confml.summaries.map(({ tookMs }) => tookMs);
    expect(first).toBeGreaterThanOrEqual(delayMs - 1);
    expect(others.length).toBe(2);
  });

  test("holds no memory of uploads and no slot, and ends with the connection", async () => {
    const never = 600_000;
    const rejectionDelays = new RejectionDelays({ maxDelayMs: never });
    for (let count = 0; count < 40; count += 1) rejectionDelays.next("127.0.0.1");
    const confml = await testApp({ app: { rejectionDelays, requestTimeoutMs: never } });
    const { server, port } = await serve(confml);
    const { headers, body } = multipartBody("a.jwe", Buffer.alloc(50_000, "x"));
    const lines = Object.entries({ ...headers, "content-length": body.length, host: "a" });
    const head = `POST /evaluate HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
    const clients = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const client = await rawClient(port);
        client.socket.write(head);
        client.socket.write(body);
        return client;
      }),
    );
    await eventually(() => confml.stages.filter(({ stage }) => stage === "upload").length === 4);
    await eventually(() => confml.uploads.heldBytes === 0);
    const picture = await flat("red").png().toBuffer();
    expect((await evaluate(confml, picture)).status).toBe(200);
    expect(confml.summaries.length).toBe(1);
    for (const { socket } of clients) socket.destroy();
    await eventually(() => confml.summaries.length === 5);
    expect(confml.summaries.filter(({ status }) => status === 499).length).toBe(4);
    server.close();
  });

  test("ends with the request's time", async () => {
    const rejectionDelays = new RejectionDelays({ maxDelayMs: 600_000 });
    for (let count = 0; count < 40; count += 1) rejectionDelays.next("127.0.0.1");
    const confml = await testApp({ app: { rejectionDelays, requestTimeoutMs: 1000 } });
    expect((await evaluate(confml, rejected, { name: "a.jwe" })).status).toBe(422);
  });
});
