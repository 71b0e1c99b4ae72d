import { connect } from "node:net";
import { once } from "node:events";
import { beforeAll, describe, expect, test } from "@jest/globals";
import request from "supertest";
import { flat } from "../helpers/pictures.js";
import { evaluate, testApp, type TestApp } from "../helpers/test-app.js";

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

  test("may bring other fields and files, which nobody reads", async () => {
    const { status } = await request(confml.app)
      .post("/evaluate")
      .field("comment", "hello")
      .attach("other", Buffer.alloc(90_000), "other.bin")
      .attach("image", red, "red.png");
    expect(status).toBe(200);
  });

  test("too large for this server is refused by its announced length, and by its real one", async () => {
    const announced = await evaluate(confml, Buffer.alloc(200_000));
    expect([announced.status, announced.text]).toEqual([
      413,
      "UPLOAD_TOO_LARGE: expected an upload of at most 100000 bytes",
    ]);
    const real = await evaluate(confml, Buffer.alloc(100_001));
    expect([real.status, real.text]).toEqual([announced.status, announced.text]);
    expect((await evaluate(confml, Buffer.alloc(100_000))).status).toBe(415);
  });

  test("waits for no memory: over MaxBytesInFlight it is told to come back", async () => {
    const small = await testApp({ limits: { maxBytesInFlight: 150_000 } });
    const server = small.app.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    try {
      // Announces 90,000 bytes and sends none of them yet.
      const slow = connect(port, "127.0.0.1");
      slow.write(
        `POST /evaluate HTTP/1.1\r\nHost: x\r\nContent-Type: ${multipart}\r\nContent-Length: 90000\r\n\r\n--b\r\n`,
      );
      await expect(untilStatus(port, Buffer.alloc(90_000), 503)).resolves.toMatchObject({
        text: "OVERLOADED: too many uploads at one time; try again soon",
        headers: expect.objectContaining({ "retry-after": "1" }),
      });
      // Once the slow one has gone, its bytes are free again.
      slow.destroy();
      await expect(untilStatus(port, Buffer.alloc(90_000), 415)).resolves.toBeDefined();
    } finally {
      server.close();
    }
  });
});

/** Uploads until the server answers so: what other connections do takes its time to be seen. */
async function untilStatus(port: number, bytes: Buffer, status: number) {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const response = await request(`http://127.0.0.1:${port}`)
      .post("/evaluate")
      .attach("image", bytes, "red.png");
    if (response.status === status) return response;
  }
  throw new Error(`no answer with status ${status}`);
}
