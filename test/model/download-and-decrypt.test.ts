import { createCipheriv, createHash, createSecretKey } from "node:crypto";
import type { IncomingMessage, RequestListener } from "node:http";
import { inspect } from "node:util";
import { afterEach, describe, expect, test } from "@jest/globals";
import axios from "axios";
import { CbcKey } from "../../src/crypto/aes-key.js";
import { encryptLegacy } from "../../src/crypto/openssl-cbc.js";
import {
  downloadAndDecrypt,
  type DownloadAndDecryptOptions,
} from "../../src/model/download-and-decrypt.js";
import { LocalServer } from "./local-server.js";

const key = Buffer.alloc(32, 0x77);
const secretText = "confidential weights, 32 bytes..";
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
  /** Sizes of the buffers allocated for the plaintext. */
  allocated: number[];
}

async function fetchFrom(handler: RequestListener, part: Partial<DownloadAndDecryptOptions> = {}) {
  server = await LocalServer.start(handler);
  const { url, ranges } = server;
  const seen: Seen = { ranges, retries: [], progress: [], allocated: [] };
  const result = downloadAndDecrypt({
    url,
    http: axios.create({ proxy: false }),
    sha256,
    key: new CbcKey(createSecretKey(key)),
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

/** A server that supports Range, and breaks each connection after so many bytes. */
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

test("a model for which memory is lacking is refused without a retry", async () => {
  const { result, seen } = await fetchFrom(whole, {
    onAllocate: () => {
      // Throws V8's own error.
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

describe("downloading and decrypting a model", () => {
  test("returns its plaintext, and reports progress", async () => {
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

  test("works for a file of many megabytes without an announced length", async () => {
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

  test("resumes after a broken connection", async () => {
    const { result, seen } = await fetchFrom(breaking(40_000));
    expect(Buffer.from(await result).equals(plaintext)).toBe(true);
    expect(seen.ranges).toEqual([undefined, "bytes=40000-", "bytes=80000-"]);
    expect(seen.retries).toHaveLength(2);
  });

  test("starts again if the server does not support Range", async () => {
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

  test("does not append another range than it requested", async () => {
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

  test("retries after a 503, after the delay that the server asks for", async () => {
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
    ["by the bytes received", (_request, response) => response.end(file)],
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

  /** A last block without valid padding, and so a file that this key decrypts up to there. */
  const unpadded = ((): Buffer => {
    const cipher = createCipheriv("aes-256-cbc", key, Buffer.alloc(16)).setAutoPadding(false);
    return Buffer.concat([cipher.update(Buffer.alloc(64, secretText)), cipher.final()]);
  })();

  test.each<[string, Buffer]>([
    ["another key's file", encryptLegacy(Buffer.alloc(32, 1), plaintext)],
    ["a file with bad padding", unpadded],
    ["a file that is not a whole number of blocks", Buffer.alloc(1001, 5)],
  ])(
    "refuses %s though its hash is right, without key or plaintext in the error",
    async (_what, bytes) => {
      const hash = createHash("sha256").update(bytes).digest("hex");
      const { result } = await fetchFrom((_request, response) => response.end(bytes), {
        sha256: hash.toUpperCase(),
      });
      const error: unknown = await result.catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "MODEL_KEY_WRONG" });
      const shown = inspect(error, { depth: null, showHidden: true, maxArrayLength: null });
      for (const secret of [key, Buffer.from(secretText)]) {
        for (const encoding of ["hex", "base64", "latin1"] as const) {
          expect(shown).not.toContain(secret.toString(encoding));
        }
        // As `inspect` shows a buffer.
        expect(shown).not.toContain(secret.toString("hex").replace(/..(?=.)/gu, "$& "));
      }
    },
  );
});
