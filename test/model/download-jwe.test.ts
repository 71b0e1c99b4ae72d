import { createHash, createSecretKey } from "node:crypto";
import type { RequestListener } from "node:http";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import axios from "axios";
import { CompactEncrypt } from "jose";
import { CbcKey, JweModelKey } from "../../src/crypto/aes-key.js";
import { encryptLegacy } from "../../src/crypto/openssl-cbc.js";
import { downloadAndDecrypt } from "../../src/model/download-and-decrypt.js";
import { modelKeyUse, type ModelKey } from "../../src/model/format.js";
import { LocalServer } from "./local-server.js";

const keyBytes = Buffer.alloc(32, 0x77);
const jweKey = new JweModelKey(createSecretKey(keyBytes));
const plaintext = Buffer.from(Array.from({ length: 100_003 }, (_, index) => (index * 7) % 251));
const file = await seal("A256KW");

let server: LocalServer | undefined;

beforeEach(() => {
  // Makes the random delay between attempts 0.
  jest.spyOn(Math, "random").mockReturnValue(0);
});

afterEach(() => {
  jest.restoreAllMocks();
  server?.close();
});

async function seal(alg: "A256KW" | "dir", key: Uint8Array = keyBytes): Promise<Buffer> {
  const jwe = new CompactEncrypt(plaintext).setProtectedHeader({ alg, enc: "A256GCM" });
  return Buffer.from(await jwe.encrypt(key));
}

/** @param expected the file whose hash the configuration names */
async function fetchFrom(handlers: RequestListener[], expected: Buffer, key: ModelKey = jweKey) {
  server = await LocalServer.start(...handlers);
  const memories: Uint8Array[] = [];
  const { url, ranges } = server;
  const result = downloadAndDecrypt({
    url,
    http: axios.create({ proxy: false }),
    sha256: createHash("sha256").update(expected).digest("hex"),
    key,
    onAllocate: (memory) => memories.push(memory),
    maxBytes: 1_000_000,
    deadlineMs: 20_000,
    onProgress: () => undefined,
    onRetry: () => undefined,
  });
  return { result, ranges, memories };
}

function whole(bytes: Buffer): RequestListener {
  return (_request, response) => {
    response.setHeader("Content-Length", bytes.length).end(bytes);
  };
}

describe("downloading and decrypting a model as JWE", () => {
  test.each(["A256KW", "dir"] as const)(
    "returns its plaintext in one buffer of its size (%s)",
    async (alg) => {
      const sealed = await seal(alg);
      const { result, memories } = await fetchFrom([whole(sealed)], sealed);
      const model = Buffer.from(await result);
      expect(model.equals(plaintext)).toBe(true);
      expect(memories).toHaveLength(1);
      // The buffer is longer by the parts of the token beside the content, as bytes.
      expect(memories[0]?.length).toBeLessThan(plaintext.length + 200);
    },
  );

  test("works without an announced length", async () => {
    const { result } = await fetchFrom(
      [
        (_request, response) => {
          response.write(file.subarray(0, 1001));
          response.end(file.subarray(1001));
        },
      ],
      file,
    );
    expect(Buffer.from(await result).equals(plaintext)).toBe(true);
  });

  test.each([1, 30, 85, 101, 40_001, file.length - 23, file.length - 10])(
    "resumes after byte %i",
    async (at) => {
      const { result, ranges } = await fetchFrom(
        [
          (_request, response) => {
            response.writeHead(200, { "Content-Length": file.length });
            response.write(file.subarray(0, at), () => response.destroy());
          },
          (_request, response) => {
            const range = `bytes ${at}-${file.length - 1}/${file.length}`;
            response.writeHead(206, { "Content-Range": range }).end(file.subarray(at));
          },
        ],
        file,
      );
      expect(Buffer.from(await result).equals(plaintext)).toBe(true);
      expect(ranges).toEqual([undefined, `bytes=${at}-`]);
    },
  );

  test("starts again with a new token state if the server does not support Range", async () => {
    const { result } = await fetchFrom(
      [
        (_request, response) => {
          response.writeHead(200, { "Content-Length": file.length });
          response.write(file.subarray(0, 50_000), () => response.destroy());
        },
        whole(file),
      ],
      file,
    );
    expect(Buffer.from(await result).equals(plaintext)).toBe(true);
  });

  test.each<[string, Buffer]>([
    ["an altered header", alter(3)],
    ["altered content", alter(50_000)],
    ["an altered tag", alter(file.length - 5)],
    ["a file cut short", file.subarray(0, -1)],
    ["a longer file", Buffer.concat([file, Buffer.from("\n")])],
    ["another format", encryptLegacy(keyBytes, plaintext)],
    ["an empty file", Buffer.alloc(0)],
  ])("reports %s by its hash, and wipes the memory", async (_what, bytes) => {
    const { result, memories } = await fetchFrom([whole(bytes)], file);
    await expect(result).rejects.toMatchObject({ code: "MODEL_ALTERED" });
    for (const memory of memories) expect(memory.every((byte) => byte === 0)).toBe(true);
  });

  test.each<[string, () => Promise<Buffer>]>([
    ["another key's file, wrapped", () => seal("A256KW", Buffer.alloc(32, 1))],
    ["another key's file", () => seal("dir", Buffer.alloc(32, 1))],
    ["a wrong tag", () => Promise.resolve(alter(file.length - 5))],
    ["a line end behind it", () => Promise.resolve(Buffer.concat([file, Buffer.from("\n")]))],
    ["an .encrypted file", () => Promise.resolve(encryptLegacy(keyBytes, plaintext))],
  ])("refuses %s though its hash is right, and wipes the memory", async (_what, make) => {
    const bytes = await make();
    const { result, memories } = await fetchFrom([whole(bytes)], bytes);
    const error: unknown = await result.catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "MODEL_KEY_WRONG",
      message: expect.stringContaining(
        "expected a JWE (A256KW or dir, A256GCM) under the model's key; got a file that this key does not open",
      ),
    });
    expect(inspect(error, { depth: null })).not.toContain(keyBytes.toString("hex").slice(0, 16));
    expect(memories).toHaveLength(1);
    for (const memory of memories) expect(memory.every((byte) => byte === 0)).toBe(true);
  });

  test("does not open a JWE with a key of .encrypted models, even if its bytes are the same", async () => {
    const { result } = await fetchFrom([whole(file)], file, new CbcKey(createSecretKey(keyBytes)));
    await expect(result).rejects.toMatchObject({ code: "MODEL_KEY_WRONG" });
  });
});

function alter(at: number): Buffer {
  const altered = Buffer.from(file);
  altered[at] = altered[at] === 0x42 ? 0x43 : 0x42;
  return altered;
}

test.each([
  ["https://m.example/a.onnx.jwe", "jwe-model"],
  ["https://m.example/a.JWE?sv=2024&sig=x%2F", "jwe-model"],
  ["https://m.example/a.onnx.encrypted", "cbc"],
  ["https://m.example/a.onnx.encrypted?name=a.jwe", "cbc"],
  ["https://m.example/a.onnx#a.jwe", "cbc"],
  ["https://m.example/a.jwe/model", "cbc"],
  ["https://model.jwe", "cbc"],
])("the model at %s has a key for %s", (url, use) => {
  expect(modelKeyUse(url)).toBe(use);
});
