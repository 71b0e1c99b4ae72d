import { EventEmitter, once } from "node:events";
import type { RequestListener } from "node:http";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import axios from "axios";
import { broken, downloadFrom, end, file, length, part, whole } from "./download-from.js";

beforeEach(() => {
  // Makes the random delay between attempts 0.
  jest.spyOn(Math, "random").mockReturnValue(0);
});

afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

describe("a download", () => {
  test("requests the file without content encoding, and does not decode one", async () => {
    const packed = gzipSync(file);
    const encodings: unknown[] = [];
    const { done, received } = await downloadFrom([
      (request, response) => {
        encodings.push(request.headers["accept-encoding"]);
        response.writeHead(200, { "Content-Encoding": "gzip" }).end(packed);
      },
    ]);
    await done;
    expect(encodings).toEqual(["identity"]);
    expect(Buffer.concat(received.chunks).equals(packed)).toBe(true);
  });

  test("gives up on a 416 without a range request", async () => {
    const { done, received } = await downloadFrom([
      (_request, response) => response.writeHead(416).end(),
    ]);
    await expect(done).rejects.toMatchObject({ code: "MODEL_UNREACHABLE" });
    expect(received.ranges).toHaveLength(1);
  });

  test("retries after HTTP 408, 429 and 5xx", async () => {
    const refusals = [408, 429, 500].map<RequestListener>((status) => (_request, response) => {
      response.writeHead(status, { "Retry-After": "0" }).end();
    });
    const { done, received } = await downloadFrom([...refusals, whole()]);
    await done;
    expect(received.retries).toEqual(["HTTP 408", "HTTP 429", "HTTP 500"]);
  });

  const unavailable: RequestListener = (_request, response) => {
    response.writeHead(503, { "Retry-After": "3600" }).end();
  };

  test("reports the received bytes if the deadline ends it", async () => {
    const { done, received } = await downloadFrom([broken(20_000, length), unavailable], {
      deadlineMs: 300,
    });
    await expect(done).rejects.toMatchObject({
      code: "MODEL_UNREACHABLE",
      message: expect.stringMatching(/within 300 ms .*HTTP 503, after 20000 bytes/u),
    });
    // The server asked for a delay of an hour, so there was no third attempt.
    expect(received.retries).toEqual([expect.anything(), "HTTP 503"]);
  });

  test("gives up at once on a URL with an unknown protocol", async () => {
    const { done } = await downloadFrom([whole()], { url: "nowhere:/model" });
    await expect(done).rejects.toMatchObject({ code: "MODEL_UNREACHABLE" });
  });
});

describe("a connection that transfers nothing for 30 s is closed and made again", () => {
  test("before the response begins", async () => {
    const http = axios.create({ proxy: false });
    const timeouts: (number | undefined)[] = [];
    http.interceptors.request.use((config) => {
      timeouts.push(config.timeout);
      return { ...config, timeout: (config.timeout ?? 0) / 500 };
    });
    const { done, received } = await downloadFrom([() => undefined, whole()], { http });
    await done;
    expect(timeouts).toEqual([30_000, 30_000]);
    expect(received.retries).toHaveLength(1);
  });

  test("during the body", async () => {
    jest.useFakeTimers({ doNotFake: ["nextTick", "setImmediate", "queueMicrotask"] });
    const progress = new EventEmitter();
    const { done, received } = await downloadFrom(
      [
        (_request, response) => {
          response.writeHead(200, length).write(file.subarray(0, 1000));
        },
        part(1000, `bytes 1000-${end}/${file.length}`),
      ],
      { deadlineMs: 120_000, onProgress: () => progress.emit("some") },
    );
    await once(progress, "some");
    await jest.advanceTimersByTimeAsync(30_000);
    await done;
    expect(received.retries).toEqual(["ETIMEDOUT: nothing came for 30000 ms"]);
    expect(Buffer.concat(received.chunks).equals(file)).toBe(true);
  });
});

test("a slow connection that transfers something every 20 s is kept", async () => {
  jest.useFakeTimers({ doNotFake: ["nextTick", "setImmediate", "queueMicrotask"] });
  const events = new EventEmitter();
  const { done, received } = await downloadFrom(
    [
      (_request, response) => {
        response.writeHead(200, length).write(file.subarray(0, 1000));
        events.once("more", () => response.write(file.subarray(1000, 2000)));
        events.once("rest", () => response.end(file.subarray(2000)));
      },
    ],
    { deadlineMs: 120_000, onProgress: () => events.emit("progress") },
  );
  for (const next of ["more", "rest"]) {
    await once(events, "progress");
    await jest.advanceTimersByTimeAsync(20_000);
    events.emit(next);
  }
  await done;
  expect(received.retries).toEqual([]);
});

describe("a file over the limit", () => {
  test("is refused by its announced length before the sink gets a byte", async () => {
    const { done, received } = await downloadFrom([whole()], { maxBytes: file.length - 1 });
    await expect(done).rejects.toMatchObject({ code: "MODEL_TOO_LARGE" });
    expect(received.starts).toEqual([]);
    expect(received.retries).toEqual([]);
  });

  test("is refused if its parts together exceed the limit, and the sink gets no byte over it", async () => {
    const { done, received } = await downloadFrom(
      [broken(20_000), part(20_000, `bytes 20000-${end}/${file.length}`)],
      { maxBytes: 30_000 },
    );
    await expect(done).rejects.toMatchObject({ code: "MODEL_TOO_LARGE" });
    expect(Buffer.concat(received.chunks).length).toBeLessThanOrEqual(30_000);
  });

  test("is accepted at exactly the limit", async () => {
    const { done } = await downloadFrom([whole()], { maxBytes: file.length });
    await expect(done).resolves.toBeUndefined();
  });
});
