import { Agent, request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
import { z } from "zod";

/** A client with connections and an address of its own. */
export interface Client {
  port: number;
  agent: Agent;
  localAddress: string;
}

export interface Asked {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: Uint8Array;
}

export interface Answered {
  status: number;
  /** The error code of docs/errors.md; undefined where the answer has none. */
  code: string | undefined;
  text: string;
}

const host = "127.0.0.1";
const timeoutMs = 60_000;
const problemSchema = z.object({ code: z.string() });

/** @param number of the client: the address is one of 250 of 127.0.1.0/24 */
export function createClient(port: number, number: number): Client {
  const localAddress = `127.0.1.${1 + (number % 250)}`;
  return { port, agent: new Agent({ keepAlive: true, maxSockets: 1, localAddress }), localAddress };
}

/**
 * Sends a request and reads its whole answer. Where the server closes an idle connection at the moment when the request is
 * sent on it (RFC 9112, section 9.6), the request is sent again on a new connection.
 *
 * @throws Error where there is no answer
 */
export async function exchange(client: Client, asked: Asked): Promise<Answered> {
  const [isReused, answer] = await attempt(client, asked);
  if (!(answer instanceof Error)) return answer;
  if (!isReused || !("code" in answer) || answer.code !== "ECONNRESET") throw answer;
  const [, second] = await attempt(client, asked);
  if (second instanceof Error) throw second;
  return second;
}

/** @returns whether the connection had served a request before, and the answer or the error */
function attempt({ port, agent }: Client, asked: Asked): Promise<[boolean, Answered | Error]> {
  const { method = "GET", path, headers = {}, body } = asked;
  return new Promise((resolve) => {
    const length = body === undefined ? {} : { "content-length": String(body.length) };
    const request = httpRequest({
      ...{ host, port, agent, method, path, timeout: timeoutMs },
      headers: { ...length, ...headers },
    });
    request.once("timeout", () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    const fail = (error: Error): void => {
      resolve([request.reusedSocket, error]);
    };
    request.once("error", fail);
    request.once("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", fail);
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString();
        const status = response.statusCode ?? 0;
        resolve([request.reusedSocket, { status, code: codeOf(text), text }]);
      });
    });
    request.end(body);
  });
}

/**
 * Opens a connection, writes, and closes it after a time, whatever the server answers.
 *
 * @returns when the connection is closed
 */
export function abandon(
  { port, localAddress }: Client,
  bytes: Uint8Array,
  { afterMs, isReading }: { afterMs: number; isReading: boolean },
): Promise<void> {
  return new Promise((resolve) => {
    const socket: Socket = connect({ port, host, localAddress });
    const timer = setTimeout(() => socket.destroy(), afterMs);
    // The server may reset the connection, which closes it too.
    socket.on("error", () => undefined);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    if (isReading) socket.resume();
    else socket.pause();
    socket.write(bytes);
  });
}

function codeOf(text: string): string | undefined {
  const line = /^(?<code>[A-Z_]+): /u.exec(text)?.groups?.["code"];
  if (line !== undefined || !text.startsWith("{")) return line;
  try {
    return problemSchema.parse(JSON.parse(text)).code;
  } catch {
    return undefined;
  }
}
