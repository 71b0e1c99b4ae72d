import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect as connectPlain, type AddressInfo, type Socket } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { afterEach, describe, expect, test } from "@jest/globals";
import { createTlsIdentity } from "../../src/crypto/tls-identity.js";
import { createAttestedServer } from "../../src/http/attested-server.js";
import { Connections, type ConnectionLimits } from "../../src/http/connections.js";
import { eventually } from "../helpers/eventually.js";

const never = 600_000;
const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

async function serve(limits: Partial<ConnectionLimits> = {}, headersTimeout = never) {
  const tls = createTlsIdentity("confml");
  const { keySha256, certificatePem } = tls;
  const server = createAttestedServer(tls, {
    ...{ headersTimeout, requestTimeout: never, keepAliveTimeout: never },
    connectionsCheckingInterval: 20,
  });
  const requests: string[] = [];
  const connections = new Connections({
    server,
    onRequest: (request, response) => {
      requests.push(request.url ?? "");
      if (request.url === "/") response.end("ok");
    },
    limits: {
      ...{ maxConnections: 100, maxConnectionsPerAddress: 100 },
      ...{ requestTimeoutMs: never, lingerMs: never },
      ...limits,
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    connections,
    requests,
    port,
    keySha256,
    certificatePem,
    privateKeyPem: tls.privateKeyPem,
  };
}

async function handshake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
  cleanups.push(() => socket.destroy());
  await once(socket, "secureConnect");
  socket.on("error", () => undefined);
  return socket;
}

function silent(port: number): Socket {
  const socket = connectPlain(port, "127.0.0.1");
  socket.on("error", () => undefined);
  cleanups.push(() => socket.destroy());
  return socket;
}

async function answerTo(socket: TLSSocket, text: string): Promise<string> {
  socket.write(text);
  const [chunk] = (await once(socket, "data")) as [Buffer];
  return chunk.toString();
}

describe("HTTPS with the attested key", () => {
  test("shows the key whose hash is attested, in TLS 1.3, and speaks HTTP/1.1", async () => {
    const { port, keySha256 } = await serve();
    const socket = await handshake(port, { ALPNProtocols: ["h2", "http/1.1"] });
    const spki = socket.getPeerX509Certificate()?.publicKey.export({ type: "spki", format: "der" });
    expect(
      createHash("sha256")
        .update(spki ?? "")
        .digest(),
    ).toEqual(keySha256);
    expect([socket.getProtocol(), socket.alpnProtocol]).toEqual(["TLSv1.3", "http/1.1"]);
    expect(await answerTo(socket, get)).toMatch(/^HTTP\/1.1 200 OK/u);
  });

  test("can be pinned by its certificate", async () => {
    const { port, certificatePem } = await serve();
    const socket = await handshake(port, {
      rejectUnauthorized: true,
      ca: certificatePem,
      checkServerIdentity: () => undefined,
    });
    expect(socket.authorized).toBe(true);
  });

  test("keeps no private key outside of OpenSSL", async () => {
    const { privateKeyPem } = await serve();
    expect(privateKeyPem.equals(Buffer.alloc(privateKeyPem.length))).toBe(true);
  });

  test.each<[string, ConnectionOptions]>([
    ["TLS 1.2", { maxVersion: "TLSv1.2" }],
    ["HTTP/2 alone", { ALPNProtocols: ["h2"] }],
  ])("refuses %s", async (_, options) => {
    const { port, connections } = await serve();
    await expect(handshake(port, options)).rejects.toThrow();
    await eventually(() => connections.length === 0);
  });

  test("refuses HTTP without TLS", async () => {
    const { port, connections } = await serve();
    const socket = silent(port);
    socket.write(get);
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    await once(socket, "close");
    expect(Buffer.concat(chunks).toString("latin1")).not.toContain("HTTP");
    await eventually(() => connections.length === 0);
  });

  test("closes a connection whose handshake takes too long", async () => {
    const { port, connections } = await serve({}, 50);
    await once(silent(port), "close");
    await eventually(() => connections.length === 0);
  });
});

describe("the limits of connections", () => {
  test("count those whose handshake is not done, and let them give way", async () => {
    const { port, connections } = await serve({ maxConnections: 2 });
    const first = silent(port);
    await eventually(() => connections.length === 1);
    const second = await handshake(port);
    const closed = once(first, "close");
    const third = await handshake(port);
    await closed;
    expect(connections.length).toBe(2);
    for (const socket of [second, third]) expect(await answerTo(socket, get)).toContain("200 OK");
  });

  test("do not close a connection whose request has arrived", async () => {
    const { port, connections, requests } = await serve({ maxConnections: 1 });
    const waiting = await handshake(port);
    waiting.write(get.replace("/", "/wait"));
    await eventually(() => requests.length === 1);
    await expect(handshake(port)).rejects.toThrow();
    expect([connections.length, waiting.destroyed]).toEqual([1, false]);
  });

  test("close the connection at the request's timeout", async () => {
    const { port, connections } = await serve({ requestTimeoutMs: 20, lingerMs: 20 });
    const socket = await handshake(port);
    socket.write(get.replace("/", "/wait"));
    socket.resume();
    await once(socket, "close");
    await eventually(() => connections.length === 0);
  });

  test("forget connections that end, before and after the handshake", async () => {
    const { port, connections } = await serve();
    const before = silent(port);
    const after = await handshake(port);
    await eventually(() => connections.length === 2);
    before.destroy();
    after.destroy();
    await eventually(() => connections.length === 0);
  });

  test("a server that closes ends idle connections, with and without a handshake", async () => {
    const { port, connections } = await serve();
    const sockets = [silent(port), await handshake(port)];
    await eventually(() => connections.length === 2);
    const closed = sockets.map((socket) => {
      socket.resume();
      return once(socket, "close");
    });
    await connections.close();
    await Promise.all(closed);
  });
});
