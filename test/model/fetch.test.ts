import { createHash, createSecretKey } from "node:crypto";
import type { IncomingMessage, RequestListener } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import axios from "axios";
import { encryptLegacy } from "../../src/crypto/openssl-cbc.js";
import { fetchModel, type FetchModelOptions } from "../../src/model/fetch.js";
import { LocalServer } from "./local-server.js";

const key = Buffer.alloc(32, 0x77);
const plaintext = Buffer.from(Array.from({ length: 100_003 }, (_, index) => (index * 7) % 251));
const file = encryptLegacy(key, plaintext);
const sha256 = createHash("sha256").update(file).digest("hex");

let server: LocalServer | undefined;

afterEach(() => {
  server?.close();
});

interface Seen {
  ranges: (string | undefined)[];
  retries: string[];
  progress: [number, number | undefined][];
  /** Sizes of the memory that the plaintext was given. */
  allocated: number[];
}

async function fetchFrom(handler: RequestListener, part: Partial<FetchModelOptions> = {}) {
  server = await LocalServer.start(handler);
  const { url, ranges } = server;
  const seen: Seen = { ranges, retries: [], progress: [], allocated: [] };
  const result = fetchModel({
    url,
    http: axios.create({ proxy: false }),
    sha256,
    key: createSecretKey(key),
    onAllocate: (memory) => {
      seen.allocated.push(memory.length);
    },
    maxBytes: 1_000_000,
    deadlineMs: 20_000,
    onProgress: (received, total) => seen.progress.push([received, total]),
    onRetry: ({ reason }) => seen.retries.push(reason),
    ...part,
  });
  return { result, seen };
}

function rangeStart(request: IncomingMessage): number {
  return Number(/^bytes=(\d+)-$/u.exec(request.headers.range ?? "")?.[1] ?? 0);
}

const whole: RequestListener = (_request, response) => {
  response.setHeader("Content-Length", file.length).end(file);
};

/** A server that breaks each connection after so many bytes, and knows Range. */
function breaking(afterBytes: number): RequestListener {
  return (request, response) => {
    const start = rangeStart(request);
    const headers = { "Content-Length": file.length - start };
    if (start === 0) response.writeHead(200, headers);
    else {
      const range = `bytes ${start}-${file.length - 1}/${file.length}`;
      response.writeHead(206, { ...headers, "Content-Range": range });
    }
    const end = Math.min(file.length, start + afterBytes);
    response.write(file.subarray(start, end), () => {
      if (end === file.length) response.end();
      else response.destroy();
    });
  };
}

test("a model for which there is no memory ends the boot with that reason, at once", async () => {
  const { result, seen } = await fetchFrom(whole, {
    onAllocate: () => {
      // V8's own words.
      new ArrayBuffer(2 ** 52);
    },
  });
  await expect(result).rejects.toMatchObject({
    code: "MODEL_OUT_OF_MEMORY",
    message: expect.stringMatching(
      /^downloading and decrypting http.*expected memory for the model; got .*allocation failed\. Raise MemorySize/u,
    ),
  });
  expect(seen.retries).toEqual([]);
});

describe("fetching a model", () => {
  test("gives its plaintext, and tells how it goes on", async () => {
    const { result, seen } = await fetchFrom(whole);
    expect(Buffer.from(await result).equals(plaintext)).toBe(true);
    expect(seen.progress.at(-1)).toEqual([file.length, file.length]);
    expect(seen.retries).toEqual([]);
    expect(seen.allocated).toEqual([file.length]);
  });

  test("works without an announced length", async () => {
    const { result } = await fetchFrom((_request, response) => {
      response.write(file.subarray(0, 1000));
      response.end(file.subarray(1000));
    });
    expect(Buffer.from(await result).equals(plaintext)).toBe(true);
  });

  test("works for a file of many megabytes without one, too", async () => {
    const large = Buffer.alloc(17_000_000, "confidential ");
    const encrypted = encryptLegacy(key, large);
    const { result } = await fetchFrom(
      (_request, response) => {
        response.write(encrypted.subarray(0, 1000));
        response.end(encrypted.subarray(1000));
      },
      {
        sha256: createHash("sha256").update(encrypted).digest("hex"),
        maxBytes: 20_000_000,
      },
    );
    expect(Buffer.from(await result).equals(large)).toBe(true);
  });

  test("goes on where a broken connection ended", async () => {
    const { result, seen } = await fetchFrom(breaking(40_000));
    expect(Buffer.from(await result).equals(plaintext)).toBe(true);
    expect(seen.ranges).toEqual([undefined, "bytes=40000-", "bytes=80000-"]);
    expect(seen.retries).toHaveLength(2);
  });

  test("begins anew where the server does not know Range", async () => {
    let calls = 0;
    const { result, seen } = await fetchFrom((request, response) => {
      calls += 1;
      if (calls > 1) {
        whole(request, response);
        return;
      }
      response.writeHead(200, { "Content-Length": file.length });
      response.write(file.subarray(0, 50_000), () => response.destroy());
    });
    expect(Buffer.from(await result).equals(plaintext)).toBe(true);
    expect(seen.ranges).toEqual([undefined, "bytes=50000-"]);
  });

  test("does not glue another range on", async () => {
    let calls = 0;
    const { result } = await fetchFrom((request, response) => {
      calls += 1;
      if (calls === 2) {
        response.writeHead(206, { "Content-Range": `bytes 0-${file.length - 1}/${file.length}` });
        response.end(file);
      } else if (calls === 1) breaking(40_000)(request, response);
      else whole(request, response);
    });
    expect(Buffer.from(await result).equals(plaintext)).toBe(true);
    expect(calls).toBe(3);
  });

  test("tries again after a 503, when the server said to", async () => {
    let calls = 0;
    const { result, seen } = await fetchFrom((request, response) => {
      calls += 1;
      if (calls === 1) response.writeHead(503, { "Retry-After": "0" }).end();
      else whole(request, response);
    });
    await result;
    expect(seen.retries).toEqual(["HTTP 503"]);
  });

  test.each([404, 403, 400])("gives up at once on HTTP %i", async (status) => {
    const { result, seen } = await fetchFrom((_request, response) => {
      response.writeHead(status).end();
    });
    await expect(result).rejects.toMatchObject({
      code: "MODEL_UNREACHABLE",
      message: expect.stringContaining(`HTTP ${status}`),
    });
    expect(seen.ranges).toHaveLength(1);
  });

  test.each<[string, RequestListener]>([
    ["does not answer", () => undefined],
    [
      "stops in the middle",
      (_request, response) => {
        response.writeHead(200, { "Content-Length": file.length });
        response.write(file.subarray(0, 1000));
      },
    ],
  ])("gives up at its deadline on a server that %s", async (_what, handler) => {
    const { result } = await fetchFrom(handler, { deadlineMs: 150 });
    await expect(result).rejects.toMatchObject({
      code: "MODEL_UNREACHABLE",
      message: expect.stringContaining("within 150 ms"),
    });
  });

  test.each<[string, RequestListener]>([
    ["by its announced length", whole],
    ["by what comes", (_request, response) => response.end(file)],
  ])("refuses a file that is too large, %s", async (_what, handler) => {
    const { result } = await fetchFrom(handler, { maxBytes: 99_999 });
    await expect(result).rejects.toMatchObject({ code: "MODEL_TOO_LARGE" });
  });

  const other = Buffer.from(file);
  other[50_000] = (other[50_000] ?? 0) ^ 1;
  test.each<[string, Buffer]>([
    ["an altered file", other],
    ["a file cut short", file.subarray(0, 99_984)],
    ["a longer file", Buffer.concat([file, Buffer.alloc(16)])],
    ["an empty file", Buffer.alloc(0)],
  ])("refuses %s", async (_what, bytes) => {
    const { result } = await fetchFrom((_request, response) => response.end(bytes));
    await expect(result).rejects.toMatchObject({
      code: "MODEL_ALTERED",
      message: expect.stringMatching(new RegExp(`${sha256}.* of ${bytes.length} bytes`, "u")),
    });
  });

  test.each<[string, Buffer]>([
    ["another key's file", encryptLegacy(Buffer.alloc(32, 1), plaintext)],
    ["a file that is no whole number of blocks", Buffer.alloc(1001, 5)],
  ])("refuses %s though its hash is right, and shows no byte of it", async (_what, bytes) => {
    const hash = createHash("sha256").update(bytes).digest("hex");
    const { result } = await fetchFrom((_request, response) => response.end(bytes), {
      sha256: hash.toUpperCase(),
    });
    await expect(result).rejects.toMatchObject({ code: "MODEL_KEY_WRONG" });
    await expect(result).rejects.toThrow(/^(?!.*7777)/u);
  });
});
