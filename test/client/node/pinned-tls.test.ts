import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { SecureVersion } from "node:tls";
import { afterEach, beforeAll, expect, test } from "@jest/globals";
import { pinTls, type PinnedTls } from "../../../client/node/pinned-tls.js";
import { createCertificates, type CertifiedKey } from "../../../emulator/certificates.js";

let one: CertifiedKey;
let other: CertifiedKey;
let pinned: PinnedTls | undefined;
let server: Server | undefined;

beforeAll(async () => {
  const { tls, tokens } = await createCertificates();
  [one, other] = [tls, tokens];
});

afterEach(async () => {
  pinned?.close();
  await stop();
});

async function stop(): Promise<void> {
  const stopped = server;
  server = undefined;
  if (stopped === undefined) return;
  stopped.closeAllConnections();
  stopped.close();
  await once(stopped, "close");
}

/** Starts an HTTPS server that notes the requests it gets. */
async function start(
  { privateKey, certificatePem }: CertifiedKey,
  { port = 0, maxVersion }: { port?: number; maxVersion?: SecureVersion } = {},
): Promise<{ url: string; port: number; requests: string[] }> {
  const requests: string[] = [];
  const key = privateKey.export({ type: "pkcs8", format: "pem" });
  const options = {
    key,
    cert: certificatePem,
    ...(maxVersion === undefined ? {} : { maxVersion }),
  };
  const started = createServer(options, (request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      requests.push(`${request.method ?? ""} ${request.url ?? ""} ${body}`);
      response.setHeader("X-Answer", "yes").end("answer");
    });
  });
  server = started;
  started.listen(port, "127.0.0.1");
  await once(started, "listening");
  const { port: bound } = started.address() as AddressInfo;
  return { url: `https://127.0.0.1:${bound}`, port: bound, requests };
}

function spkiSha256({ certificatePem }: CertifiedKey): string {
  const { publicKey } = new X509Certificate(certificatePem);
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
}

test("records the key of the server's certificate, whoever signed it", async () => {
  const { url } = await start(one);
  pinned = await pinTls(url);
  expect(Buffer.from(pinned.tlsKeySha256).toString("hex")).toBe(spkiSha256(one));
});

test("sends requests with headers and bodies, on the first connection as long as it lasts", async () => {
  const { url, requests } = await start(one);
  let connections = 0;
  server?.on("secureConnection", () => (connections += 1));
  pinned = await pinTls(url);
  const form = new FormData();
  form.append("image", new Blob(["bytes"]), "a.jpg");
  const first = await pinned.fetch(`${url}/a?b=c`, { method: "POST", body: form });
  expect([first.status, first.headers.get("X-Answer"), await first.text()]).toEqual([
    200,
    "yes",
    "answer",
  ]);
  expect(await (await pinned.fetch(`${url}/d`)).text()).toBe("answer");
  expect(requests[0]).toMatch(/^POST \/a\?b=c [^]*name="image"; filename="a\.jpg"[^]*bytes/u);
  expect(requests[1]).toBe("GET /d ");
  expect(connections).toBe(1);
});

test("sends nothing to a server that has another key on a later connection", async () => {
  const { url, port } = await start(one);
  pinned = await pinTls(url);
  await (await pinned.fetch(url)).text();
  await stop();
  const { requests } = await start(other, { port });
  await expect(pinned.fetch(`${url}/secret`)).rejects.toMatchObject({ code: "TLS_KEY_MISMATCH" });
  expect(requests).toEqual([]);
});

test("reconnects to a server that has the same key", async () => {
  const { url, port } = await start(one);
  pinned = await pinTls(url);
  await (await pinned.fetch(url)).text();
  await stop();
  await start(one, { port });
  expect((await pinned.fetch(url)).status).toBe(200);
});

test("refuses TLS 1.2, other protocols and other servers", async () => {
  const { url } = await start(one, { maxVersion: "TLSv1.2" });
  await expect(pinTls(url)).rejects.toThrow(/protocol version/iu);
  await expect(pinTls("http://127.0.0.1:1")).rejects.toThrow("expected an https:// URL");
  await stop();
  const again = await start(one);
  pinned = await pinTls(again.url);
  await expect(pinned.fetch("https://127.0.0.2:1/")).rejects.toThrow(
    `expected a URL of ${again.url}`,
  );
});

test("ends a request when its signal aborts", async () => {
  const { url } = await start(one);
  server?.removeAllListeners("request");
  pinned = await pinTls(url);
  const controller = new AbortController();
  const request = pinned.fetch(url, { signal: controller.signal });
  server?.once("request", () => {
    controller.abort();
  });
  await expect(request).rejects.toThrow(/abort/iu);
});

test.each([
  ["a status that no answer has", "HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n", "no HTTP"],
  [
    "another protocol",
    "HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    "without an answer",
  ],
])("ends a request that is answered with %s", async (_what, answer, message) => {
  const { url } = await start(one);
  server?.removeAllListeners("request");
  server?.on("request", (request) => request.socket.write(answer));
  pinned = await pinTls(url);
  await expect(pinned.fetch(url)).rejects.toThrow(message);
});
