import { once } from "node:events";
import { beforeAll, describe, expect, test } from "@jest/globals";
import request from "supertest";
import { encryptLegacy } from "../../src/crypto/openssl-cbc.js";
import { colours, flat } from "../helpers/pictures.js";
import { evaluate, imageKeys, testApp, type TestApp } from "../helpers/test-app.js";

let confml: TestApp;
let red: Buffer;

const colourModel = {
  name: "colours",
  version: "1",
  labels: Object.keys(colours),
  input: { name: "pixels", shape: [-1, 3, 32, 32] },
  output: { name: "scores", shape: [-1, 3] },
};

beforeAll(async () => {
  confml = await testApp();
  red = await flat("red").png().toBuffer();
});

describe("POST /evaluate answers", () => {
  test("with the original sample's text, byte for byte", async () => {
    const { status, text, headers } = await evaluate(confml, red);
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(text).toMatch(
      /^file inferenced successfully\.\nReturn top 3 inference results:\n\t\('red', 99\.99\d+\)\n\t\('green', 0\.0045\d+\)\n\t\('blue', 0\.0045\d+\)$/u,
    );
  });

  test("with labels as Python's repr writes them", async () => {
    const quoted = await testApp({ labels: ["jack-o'-lantern", "a", "b"] });
    const { text } = await evaluate(quoted, red, { query: "?top=1" });
    expect(text.split("\n")[2]).toMatch(/^\t\("jack-o'-lantern", 99\.\d+\)$/u);
  });

  test("with JSON where Accept asks for it", async () => {
    const { status, text, headers } = await evaluate(confml, red, { accept: "application/json" });
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(JSON.parse(text)).toEqual({
      model: { name: "colours", version: "1" },
      image: { width: 60, height: 40, format: "png", encrypted: false },
      predictions: [
        { rank: 1, index: 0, label: "red", probability: expect.closeTo(0.9999, 4) },
        { rank: 2, index: 1, label: "green", probability: expect.closeTo(0.00005, 5) },
        { rank: 3, index: 2, label: "blue", probability: expect.closeTo(0.00005, 5) },
      ],
      timings_ms: {
        queue: expect.any(Number),
        decode: expect.any(Number),
        inference: expect.any(Number),
      },
    });
  });

  test("and reports how long each stage took", async () => {
    const { stages } = confml;
    stages.length = 0;
    await evaluate(confml, red);
    expect(stages.map(({ stage }) => stage)).toEqual(["upload", "decode", "queue", "inference"]);
    expect(stages.every(({ tookMs }) => tookMs >= 0 && tookMs < 30_000)).toBe(true);
    stages.length = 0;
    await evaluate(confml, encryptLegacy(imageKeys.Legacy, red), { name: "red.png.encrypted" });
    expect(stages.map(({ stage }) => stage)).toEqual([
      "upload",
      "decrypt",
      "decode",
      "queue",
      "inference",
    ]);
  });

  test("with as many labels as `top` says", async () => {
    const { text } = await evaluate(confml, red, { query: "?top=2" });
    expect(text.split("\n").slice(1)).toEqual([
      "Return top 2 inference results:",
      expect.stringContaining("red"),
      expect.stringContaining("green"),
    ]);
  });

  test("200 simultaneous uploads with the same name, each with its own label", async () => {
    const names = ["red", "green", "blue"] as const;
    const pictures = new Map<string, Buffer>();
    for (const name of names) pictures.set(name, await flat(name).jpeg().toBuffer());
    const server = confml.app.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      const answers = await Promise.all(
        Array.from({ length: 200 }, async (_, index) => {
          const name = names[index % 3] ?? "red";
          const { text } = await request(`http://127.0.0.1:${port}`)
            .post("/evaluate?top=1")
            .attach("image", pictures.get(name) ?? red, "picture.jpg");
          return [name, /\('(\w+)'/u.exec(text)?.[1]];
        }),
      );
      expect(answers.filter(([wanted, got]) => wanted !== got)).toEqual([]);
    } finally {
      server.close();
    }
  });
});

describe("POST /evaluate refuses", () => {
  test.each(["?tpo=1", "?top=1&Top=2", "?format=json", "?__proto__=1"])(
    "the unknown query parameter in %s, and names the known one",
    async (query) => {
      const { status, text } = await evaluate(confml, red, { query });
      expect([status, text]).toEqual([
        400,
        "PARAMETER_INVALID: expected no query parameter other than `top`",
      ]);
    },
  );

  test.each(["0", "4", "-1", "1.5", "abc", "", "1&top=2", "9999999"])("top=%s", async (top) => {
    const { status, text } = await evaluate(confml, red, { query: `?top=${top}` });
    expect(status).toBe(400);
    expect(text).toBe("PARAMETER_INVALID: expected one `top`, a whole number from 1 to 3");
  });

  test("more labels than Results.MaxTop", async () => {
    const few = await testApp({ results: { MaxTop: 2 } });
    expect((await evaluate(few, red, { query: "?top=3" })).status).toBe(400);
    expect((await evaluate(few, red)).text).toContain("Return top 2");
  });

  test("a file that is not a picture, with text and with problem details", async () => {
    const text = await evaluate(confml, Buffer.from("no picture"));
    expect(text.status).toBe(415);
    expect(text.headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(text.text).toMatch(/^IMAGE_UNSUPPORTED: [^\n]+$/u);
    const json = await evaluate(confml, Buffer.from("no picture"), { accept: "application/json" });
    expect(json.headers["content-type"]).toBe("application/problem+json");
    expect(JSON.parse(json.text)).toEqual({
      type: "about:blank",
      title: "Image unsupported",
      status: 415,
      code: "IMAGE_UNSUPPORTED",
      detail: expect.any(String),
      request_id: json.headers["x-request-id"],
    });
  });

  test("a picture with too many pixels", async () => {
    const small = await testApp({ imageLimits: { maxPixels: 100 } });
    const { status, text } = await evaluate(small, red);
    expect(status).toBe(413);
    expect(text).toBe("IMAGE_TOO_LARGE: expected a picture of at most 100 pixels; got 60 × 40");
  });

  test("a format that is not configured", async () => {
    const strict = await testApp({ app: { formats: ["jwe"] } });
    for (const name of ["picture.png", "picture.png.encrypted", "PICTURE.ENCRYPTED"]) {
      const { status, text } = await evaluate(strict, red, { name });
      expect([name, status]).toEqual([name, 403]);
      expect(text).toMatch(/^FORMAT_REFUSED: /u);
    }
  });

  test("every request while the server stops, with Retry-After", async () => {
    const stopping = await testApp({ app: { isStopping: () => true } });
    const { status, text, headers } = await evaluate(stopping, red);
    expect(status).toBe(503);
    expect(text).toMatch(/^SHUTTING_DOWN: /u);
    expect(headers["retry-after"]).toBe("5");
  });

  test("a request that takes longer than RequestTimeoutMs", async () => {
    const hanging = await testApp({
      app: {
        requestTimeoutMs: 20,
        classifier: {
          model: colourModel,
          classify: () => new Promise(() => {}),
        },
      },
    });
    const { status, text, headers } = await evaluate(hanging, red);
    expect(status).toBe(503);
    expect(text).toBe("OVERLOADED: no answer in time; try again soon");
    expect(headers["retry-after"]).toBe("1");
  });

  test("to reveal details of an unexpected error", async () => {
    const broken = await testApp({
      app: {
        classifier: {
          model: colourModel,
          classify: () => Promise.reject(new Error("a secret detail")),
        },
      },
    });
    const { status, text } = await evaluate(broken, red);
    expect(status).toBe(500);
    expect(text).toBe("INTERNAL: an error of the server's");
    expect(broken.bugs).toHaveLength(1);
  });
});

test("the summary of a request contains no text from the client", async () => {
  const told = await testApp();
  await evaluate(told, red, { name: "client-words.png", query: "?top=client-words" });
  await request(told.app).get("/client-words?client-words");
  expect(told.summaries).toEqual([
    {
      method: "POST",
      route: "/evaluate",
      status: 400,
      code: "PARAMETER_INVALID",
      tookMs: expect.any(Number),
      requestId: expect.stringMatching(/^[0-9a-f]{32}$/u),
    },
    {
      method: "GET",
      route: "(none)",
      status: 404,
      code: "NOT_FOUND",
      tookMs: expect.any(Number),
      requestId: expect.stringMatching(/^[0-9a-f]{32}$/u),
    },
  ]);
});
