import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Agent, request as sendRequest } from "node:https";
import { isIP } from "node:net";
import { Readable } from "node:stream";
import { connect, type TLSSocket } from "node:tls";
import { VerificationError } from "../verification-error.js";

const handshakeTimeoutMs = 15_000;

/** HTTPS connections to one server, all of them with the TLS key of the first. */
export interface PinnedTls {
  /** SHA-256 of the SubjectPublicKeyInfo that the server showed, for `verifyServer`. */
  tlsKeySha256: Uint8Array<ArrayBuffer>;
  /** Like the global `fetch`, for this server alone. It follows no redirects. */
  fetch: (url: string | URL, init?: RequestInit) => Promise<Response>;
  /** Closes idle connections. */
  close: () => void;
}

/**
 * Connects to a server and records its TLS key. Certificates are not checked against any CA, because the key is compared with
 * the attested one; TLS 1.3 alone. A connection with another key is closed before a request is written to it.
 *
 * @param url an https:// URL
 * @throws Error where there is no connection
 */
export async function pinTls(url: string | URL): Promise<PinnedTls> {
  const { origin, protocol, hostname, port } = new URL(url);
  if (protocol !== "https:") throw new TypeError(`expected an https:// URL, got ${protocol}//`);
  const host = hostname.replace(/^\[|\]$/gu, "");
  const options = { host, port: Number(port === "" ? 443 : port) };
  const first = await handshake(options);
  const key = keyOf(first);
  const agent = new PinnedAgent(options, key, first);
  return {
    tlsKeySha256: key,
    fetch: async (target, init) => {
      const request = new Request(target, init);
      if (new URL(request.url).origin !== origin) {
        throw new TypeError(`expected a URL of ${origin}, got ${request.url}`);
      }
      return send(request, agent);
    },
    close: () => {
      agent.destroy();
    },
  };
}

interface Server {
  host: string;
  port: number;
}

class PinnedAgent extends Agent {
  readonly #server: Server;
  readonly #key: Uint8Array;
  #first: TLSSocket | undefined;

  constructor(server: Server, key: Uint8Array, first: TLSSocket) {
    super({ keepAlive: true });
    this.#server = server;
    this.#key = key;
    this.#first = first;
  }

  override createConnection(
    _options: unknown,
    callback?: (error: Error | null, socket: TLSSocket) => void,
  ): undefined {
    const connection = this.#connect();
    connection.then(
      (socket) => callback?.(null, socket),
      (error: unknown) => {
        // Node's types ask for a socket beside an error; it is not read.
        (callback as ((error: unknown) => void) | undefined)?.(error);
      },
    );
  }

  override destroy(): void {
    this.#first?.destroy();
    super.destroy();
  }

  async #connect(): Promise<TLSSocket> {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined && !first.destroyed && first.writable) return first;
    const socket = await handshake(this.#server);
    if (Buffer.compare(keyOf(socket), this.#key) === 0) return socket;
    socket.destroy();
    throw new VerificationError(
      "TLS_KEY_MISMATCH",
      "the server shows another TLS key than on the first connection",
    );
  }
}

/** @throws Error of the connection or the handshake */
function handshake({ host, port }: Server): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      minVersion: "TLSv1.3",
      ALPNProtocols: ["http/1.1"],
      // The key is compared with the attested one instead.
      rejectUnauthorized: false,
    });
    socket.setTimeout(handshakeTimeoutMs, () => {
      socket.destroy(new Error(`no TLS handshake within ${handshakeTimeoutMs} ms`));
    });
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      // Whoever uses the socket gets its errors by events of their own; an idle one may fail unnoticed.
      socket.off("error", reject).on("error", () => undefined);
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}

function keyOf(socket: TLSSocket): Uint8Array<ArrayBuffer> {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) throw new Error("the server shows no certificate");
  const spki = certificate.publicKey.export({ type: "spki", format: "der" });
  return new Uint8Array(createHash("sha256").update(spki).digest());
}

async function send(request: Request, agent: Agent): Promise<Response> {
  const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer());
  for (;;) {
    try {
      return await sendOnce(request, body, agent);
    } catch (error) {
      // The server closed an idle connection just when the request was written to it (Node: `request.reusedSocket`).
      if (!(error instanceof StaleConnection)) throw error;
    }
  }
}

class StaleConnection extends Error {}

function sendOnce(request: Request, body: Buffer | undefined, agent: Agent): Promise<Response> {
  const { method, signal } = request;
  const headers = Object.fromEntries(request.headers);
  return new Promise((resolve, reject) => {
    const outgoing = sendRequest(request.url, { agent, method, headers, signal }, (answer) => {
      try {
        resolve(toResponse(answer, method));
      } catch (cause) {
        // A status beyond 599, for example.
        answer.destroy();
        reject(new Error("the answer is no HTTP that can be read", { cause }));
      }
    });
    // After `101 Switching Protocols` there is neither an answer nor an error.
    outgoing.once("close", () => {
      reject(new Error("the connection ended without an answer"));
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      const isStale = outgoing.reusedSocket && ["ECONNRESET", "EPIPE"].includes(error.code ?? "");
      reject(isStale ? new StaleConnection("closed", { cause: error }) : error);
    });
    outgoing.end(body);
  });
}

function toResponse(answer: IncomingMessage, method: string): Response {
  const { statusCode = 0, rawHeaders } = answer;
  const headers = Array.from({ length: rawHeaders.length / 2 }, (_, index): [string, string] => [
    rawHeaders[2 * index] ?? "",
    rawHeaders[2 * index + 1] ?? "",
  ]);
  const hasBody = method !== "HEAD" && ![204, 205, 304].includes(statusCode);
  const stream = hasBody ? (Readable.toWeb(answer) as ReadableStream) : null;
  return new Response(stream, { status: statusCode, headers });
}
