import { createServer, type Server } from "node:http";
import { afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import request from "supertest";
import { RequestError } from "../../src/http/request-error.js";
import { DecodeQueue } from "../../src/image/decode-queue.js";
import { defaultLimits } from "../../src/image/limits.js";
import { eventually } from "../helpers/eventually.js";
import { colours, flat } from "../helpers/pictures.js";
import { listenOnLoopback, rawClient } from "../helpers/raw-client.js";
import { evaluate, testApp, type TestApp, type TestAppOptions } from "../helpers/test-app.js";

let confml: TestApp;
let red: Buffer;

beforeAll(async () => {
  confml = await testApp();
  red = await flat("red").png().toBuffer();
});

function part(name: string, content: string, filename?: string): string {
  const file = filename === undefined ? "" : `; filename="${filename}"`;
  return `--b\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n${content}\r\n`;
}

const multipart = "multipart/form-data; boundary=b";

describe("an upload", () => {
  test.each<[string, string, string, number, string]>([
    ["without multipart", "image/png", "x", 400, "IMAGE_MISSING"],
    ["with no parts", multipart, "--b--\r\n", 400, "IMAGE_MISSING"],
    ["of another field", multipart, `${part("file", "x", "x.png")}--b--`, 400, "IMAGE_MISSING"],
    [
      "with a text field in its place",
      multipart,
      `${part("image", "x")}--b--`,
      400,
      "IMAGE_MISSING",
    ],
    ["without an end", multipart, part("image", "x", "x.png"), 400, "UPLOAD_MALFORMED"],
    ["without a boundary", "multipart/form-data", "x", 400, "UPLOAD_MALFORMED"],
    ["with a broken head", multipart, "--b\r\nnonsense\r\n\r\nx\r\n--b--", 400, "UPLOAD_MALFORMED"],
    [
      "of two images",
      multipart,
      `${part("image", "x", "a.png")}${part("image", "y", "b.png")}--b--`,
      400,
      "UPLOAD_MALFORMED",
    ],
    [
      "with too many fields",
      multipart,
      `${part("other", "x").repeat(40)}${part("image", "y", "b.png")}--b--`,
      400,
      "UPLOAD_MALFORMED",
    ],
  ])("%s is refused", async (_what, type, body, status, code) => {
    const response = await request(confml.app)
      .post("/evaluate")
      .set("Content-Type", type)
      .send(body)
      .buffer(true);
    expect([response.status, response.text.split(":")[0]]).toEqual([status, code]);
    expect(confml.bugs).toEqual([]);
  });

  test("may have other fields and files, which are ignored", async () => {
    const { status } = await request(confml.app)
      .post("/evaluate")
      .field("comment", "hello")
      .attach("other", Buffer.alloc(90_000), "other.bin")
      .attach("image", red, "red.png");
    expect(status).toBe(200);
  });

  test("that is too large is refused by its Content-Length, and by its real length", async () => {
    const announced = await evaluate(confml, Buffer.alloc(200_000));
    expect([announced.status, announced.text]).toEqual([
      413,
      "UPLOAD_TOO_LARGE: expected an upload of at most 100000 bytes",
    ]);
    const real = await evaluate(confml, Buffer.alloc(100_001));
    expect([real.status, real.text]).toEqual([announced.status, announced.text]);
    expect((await evaluate(confml, Buffer.alloc(100_000))).status).toBe(415);
  });

  test("with two images is refused at the second, before the request ends", async () => {
    const { port } = await served();
    const client = await rawClient(port, head(90_000));
    client.socket.write(part("image", "x", "a.png") + part("image", "y", "b.png"));
    expect(await client.until(/\r\n\r\n.+$/u)).toMatch(
      /^HTTP\/1.1 400 [^]*UPLOAD_MALFORMED: expected one file field `image`; got more$/u,
    );
    client.socket.destroy();
  });

  test("of unknown length is refused as soon as it is too long, ignored parts included", async () => {
    const { port } = await served();
    for (const field of ["image", "other"]) {
      const client = await rawClient(port, chunkedHead);
      const start = `--b\r\nContent-Disposition: form-data; name="${field}"; filename="a.png"\r\n\r\n`;
      client.socket.write(chunk(start) + chunk("a".repeat(200_000)));
      expect(await client.until(/\r\n\r\n.+$/u)).toMatch(/^HTTP\/1.1 413 /u);
      client.socket.destroy();
    }
  });

  test("that is too slow over the grace period is refused, however fast it was before", async () => {
    const { port, confml: slow } = await served({ minBytesPerSecond: 1000, graceMs: 100 });
    for (const body of ["", part("image", "x".repeat(50_000), "a.png")]) {
      const client = await rawClient(port, head(90_000) + body);
      expect(await client.until(/\r\n\r\n.+$/u)).toMatch(
        /^HTTP\/1.1 408 [^]*UPLOAD_TOO_SLOW: expected at least 1000 bytes a second over 100 ms$/u,
      );
      client.socket.destroy();
    }
    expect(slow.uploads.heldBytes).toBe(0);
  });

  test("that is not complete before the request's deadline is refused", async () => {
    const { port } = await served({}, { requestTimeoutMs: 50 });
    const client = await rawClient(port, head(90_000));
    expect(await client.until(/\r\n\r\n.+$/u)).toMatch(/^HTTP\/1.1 408 [^]*UPLOAD_TOO_SLOW: /u);
    client.socket.destroy();
  });

  test("reserves nothing by its Content-Length: dozens of slow uploads do not keep others out", async () => {
    const { port, confml: small } = await served({ maxBytesInFlight: 200_000 });
    const clients = await Promise.all(
      Array.from({ length: 60 }, () => rawClient(port, head(99_000) + part("image", "x", "a.png"))),
    );
    await eventually(() => small.uploads.heldBytes >= 60 * 1024);
    expect((await send(port, red)).status).toBe(200);
    expect((await send(port, Buffer.alloc(90_000))).status).toBe(415);
    for (const { socket } of clients) socket.destroy();
    await eventually(() => small.uploads.heldBytes === 0);
  });

  test("that has stalled makes room for one that arrives", async () => {
    const clock = { nowMs: 0 };
    const { port, confml: small } = await served({
      maxBytesInFlight: 150_000,
      now: () => clock.nowMs,
    });
    const stalled = await rawClient(port, head(99_000));
    stalled.socket.write(part("image", "x".repeat(70_000), "a.png").slice(0, -2));
    await eventually(() => small.uploads.heldBytes > 64_000);
    clock.nowMs += 2000;
    expect((await send(port, Buffer.alloc(90_000))).status).toBe(415);
    expect(await stalled.until(/\r\n\r\n.+$/u)).toMatch(
      /^HTTP\/1.1 503 [^]*Retry-After: 1\r\n[^]*OVERLOADED: too many uploads at one time; try again soon$/u,
    );
    stalled.socket.destroy();
    await eventually(() => small.uploads.heldBytes === 0);
  });

  test("counts until its bytes are no longer needed, even before its answer", async () => {
    let classified = false;
    const classify = (): Promise<never> => {
      classified = true;
      return new Promise(() => undefined);
    };
    const classifier = { model: colourModel, classify };
    const { port, confml: small } = await served({}, { classifier });
    const client = await rawClient(port, head(start.length + red.length + tail.length) + start);
    client.socket.write(red);
    client.socket.write(tail);
    await eventually(() => classified && small.uploads.heldBytes === 0);
    expect(small.summaries).toEqual([]);
    client.socket.destroy();
  });

  test("counts as long as its bytes are needed, even after its client has disconnected", async () => {
    const { decoder, release } = heldDecoder();
    const clock = { nowMs: 0 };
    const limits = { maxBytesInFlight: 100_000, now: () => clock.nowMs };
    const { port, confml: small } = await served(limits, { decoder });
    const client = await rawClient(port);
    client.socket.write(head(80_000 + tail.length + start.length) + start);
    client.socket.write("x".repeat(80_000) + tail);
    await eventually(() => decoder.files.length === 1);
    expect(small.uploads.heldBytes).toBe(80_000);
    client.socket.destroy();
    await eventually(() => small.summaries.length === 1);
    expect(small.uploads.heldBytes).toBe(80_000);
    // A complete upload is not replaced by a faster one, however long it waits.
    clock.nowMs += 60_000;
    expect((await send(port, Buffer.alloc(90_000))).status).toBe(503);
    release();
    await eventually(() => small.uploads.heldBytes === 0);
  });
});

const start = `--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n`;
const tail = "\r\n--b--\r\n";
const colourModel = {
  name: "colours",
  version: "1",
  labels: Object.keys(colours),
  input: { name: "pixels", shape: [-1, 3, 32, 32] },
  output: { name: "scores", shape: [-1, 3] },
};
const chunkedHead = `POST /evaluate HTTP/1.1\r\nHost: x\r\nContent-Type: ${multipart}\r\nTransfer-Encoding: chunked\r\n\r\n`;

function head(contentLength: number): string {
  return chunkedHead.replace("Transfer-Encoding: chunked", `Content-Length: ${contentLength}`);
}

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function served(limits: TestAppOptions["limits"] = {}, app: TestAppOptions["app"] = {}) {
  const small = await testApp({ limits, app });
  const server = createServer(small.app);
  servers.push(server);
  return { port: await listenOnLoopback(server), confml: small };
}

async function send(port: number, bytes: Buffer) {
  return request(`http://127.0.0.1:${port}`).post("/evaluate").attach("image", bytes, "red.png");
}

/** A decoder that finishes when the test says so. */
function heldDecoder() {
  const files: Uint8Array[] = [];
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  class HeldDecoder extends DecodeQueue {
    readonly files = files;

    override async prepare(file: Uint8Array): Promise<never> {
      files.push(file);
      await released;
      throw new RequestError("IMAGE_UNSUPPORTED", "released");
    }
  }
  const decoder = new HeldDecoder({
    preprocessing: { resize: 32, crop: 32 },
    limits: defaultLimits,
    maxDecodes: 1,
    maxDecodeBytesInFlight: 805_306_368,
    decodeTimeoutMs: 15_000,
    maxQueue: 10,
  });
  return {
    decoder,
    release: () => {
      release();
    },
  };
}
