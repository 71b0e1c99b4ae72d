import { tmpdir } from "node:os";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Request, RequestHandler } from "express";
import { createCertificates } from "../../emulator/certificates.js";
import { startEmulator, type Emulator } from "../../emulator/server.js";
import { exchange, type Answer } from "../../src/net/exchange.js";
import { createTransport, type Transport } from "../../src/net/transport.js";
import { attestationUrl } from "../helpers/azure-clients.js";
import { sharedCertificates } from "../helpers/certificates.js";

let emulator: Emulator;
let transport: Transport;
let answer: RequestHandler;
const asked: Request[] = [];

beforeAll(async () => {
  emulator = await startEmulator({
    modelsFolder: tmpdir(),
    certificates: await sharedCertificates(),
    interceptors: {
      attestation: (request, response, next) => {
        asked.push(request);
        void answer(request, response, next);
      },
    },
  });
  transport = createTransport({ ca: emulator.caPem, connect: `127.0.0.1:${emulator.port}` });
});

afterAll(async () => {
  transport.agent.destroy();
  await emulator.close();
});

const { signal } = new AbortController();

function ask(url = `${attestationUrl}/x`, over = transport): Promise<Answer> {
  const question = { method: "POST", url, headers: { "Accept-Encoding": "gzip" }, body: "{}" };
  return exchange(over, question, { signal, timeoutMs: 10_000 });
}

const giving =
  (body: string, status = 200): RequestHandler =>
  (_request, response) => {
    response.status(status).type("json").send(body);
  };

const mebibyte = 1_048_576;
const text = (bytes: number): string => `"${"a".repeat(bytes - 2)}"`;
const lists = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

describe("one exchange", () => {
  test("asks for an answer without compression, and uses a connection again after an answer", async () => {
    answer = giving('{"a":1}');
    const answers = [await ask(), await ask(), await ask()];
    for (const { status, text: body } of answers) expect([status, body]).toEqual([200, '{"a":1}']);
    expect(asked.map(({ headers }) => headers["accept-encoding"])).toEqual(
      Array(3).fill("identity"),
    );
    expect(new Set(asked.map(({ socket }) => socket.remotePort)).size).toBe(1);
  });

  test("accepts an answer of 1 MiB, and refuses a longer one", async () => {
    answer = giving(text(mebibyte));
    expect((await ask()).text.length).toBe(mebibyte);
    answer = giving(text(mebibyte + 1));
    const tooLarge = { problem: "unusable", message: "an answer of more than 1048576 bytes" };
    await expect(ask()).rejects.toMatchObject(tooLarge);
    answer = (_request, response) => {
      response.write(text(mebibyte + 1));
      response.end();
    };
    await expect(ask()).rejects.toMatchObject(tooLarge);
  });

  test("refuses a compressed answer, and returns a compressed refusal without its text", async () => {
    const body = gzipSync("{}");
    const giveStatus =
      (status: number): RequestHandler =>
      (_request, response) => {
        response.writeHead(status, { "Content-Encoding": "gzip" }).end(body);
      };
    answer = giveStatus(200);
    await expect(ask()).rejects.toMatchObject({ message: "a compressed answer" });
    answer = giveStatus(403);
    expect(await ask()).toMatchObject({ status: 403, text: "" });
  });

  test("limits the chunks of a body, and informational answers", async () => {
    answer = ({ socket }) => {
      const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
      socket.write(`${head}${"1\r\na\r\n".repeat(17_000)}0\r\n\r\n`);
    };
    const tooLarge = "an answer of more than 1048576 bytes";
    await expect(ask()).rejects.toMatchObject({ message: tooLarge });
    const interim =
      (count: number): RequestHandler =>
      ({ socket }) => {
        const one = "HTTP/1.1 102 Processing\r\n\r\n";
        socket.write(`${one.repeat(count)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}`);
      };
    answer = interim(16);
    expect((await ask()).text).toBe("{}");
    answer = interim(17);
    await expect(ask()).rejects.toMatchObject({ problem: "unusable" });
  });

  test("fails at once if the other side changes the protocol", async () => {
    answer = ({ socket }) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    };
    await expect(ask()).rejects.toMatchObject({ problem: "unusable" });
  });

  test("returns a refusal of more than 64 KiB without its text", async () => {
    answer = giving(text(65_536), 403);
    expect((await ask()).text.length).toBe(65_536);
    answer = giving(text(65_537), 403);
    expect(await ask()).toMatchObject({ status: 403, text: "" });
  });

  test("accepts JSON of 32 levels, and refuses deeper JSON", async () => {
    answer = giving(lists(32));
    expect((await ask()).text).toBe(lists(32));
    answer = giving(lists(33));
    await expect(ask()).rejects.toMatchObject({ problem: "unusable" });
    answer = giving(JSON.stringify({ a: `\\"${"[".repeat(99)}` }));
    expect((await ask()).status).toBe(200);
    answer = giving(lists(33), 400);
    expect(await ask()).toMatchObject({ status: 400, text: "" });
  });

  test("does not repeat the names in a certificate for another host", async () => {
    const over = createTransport({ ca: emulator.caPem, connect: `127.0.0.1:${emulator.port}` });
    await expect(ask("https://stranger.example/", over)).rejects.toMatchObject({
      problem: "untrusted",
      message: "ERR_TLS_CERT_ALTNAME_INVALID: its certificate is for another host",
    });
    over.agent.destroy();
    const { caPem } = await createCertificates();
    const strange = createTransport({ ca: caPem, connect: `127.0.0.1:${emulator.port}` });
    await expect(ask(undefined, strange)).rejects.toMatchObject({ problem: "untrusted" });
    strange.agent.destroy();
  });

  test("uses https only", async () => {
    await expect(ask("http://127.0.0.1/")).rejects.toThrow("ERR_INVALID_PROTOCOL");
  });
});
