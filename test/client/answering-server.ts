import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { CompactEncrypt, compactDecrypt } from "jose";
import type { Express } from "express";

/** What stands between a client and a real server: it changes the server's encrypted answers. */
export type Change = (answer: Answer) => Answer | Promise<Answer>;

export interface Answer {
  /** How many uploads came before, to the same path. */
  count: number;
  /** The uploaded JWE. */
  upload: string;
  status: number;
  headers: Record<string, string>;
  body: string;
}

/**
 * Starts the application behind changes: `/NAME/evaluate` answers as the application does, changed by `changes[NAME]`.
 *
 * @returns its address, without a slash at the end
 */
export async function startBehind(app: Express, changes: Record<string, Change>) {
  const origin = createServer(app).listen(0, "127.0.0.1");
  await once(origin, "listening");
  const counts = new Map<string, number>();
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, name = "", ...path] = (request.url ?? "").split("/");
    const body = await buffer(request);
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    const forwarded = await fetch(`http://127.0.0.1:${portOf(origin)}/${path.join("/")}`, {
      method: request.method ?? "GET",
      headers: {
        Accept: request.headers.accept ?? "*/*",
        "Content-Type": request.headers["content-type"] ?? "",
      },
      body,
    });
    const upload = /eyJ[\w-]*(?:\.[\w-]*){4}/u.exec(body.toString("latin1"))?.[0] ?? "";
    const headers = { "Content-Type": forwarded.headers.get("Content-Type") ?? "" };
    const answer = {
      count,
      upload,
      status: forwarded.status,
      headers,
      body: await forwarded.text(),
    };
    const changed = await (changes[name] ?? ((same) => same))(answer);
    response.writeHead(changed.status, changed.headers).end(changed.body);
  };
  const front = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  }).listen(0, "127.0.0.1");
  await once(front, "listening");
  return {
    url: `http://127.0.0.1:${portOf(front)}`,
    close: () => {
      for (const server of [front, origin]) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

function portOf(server: ReturnType<typeof createServer>): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Opens an encrypted answer, changes its JSON, and encrypts it again. Other answers stay as they are. */
export function changeJson(
  key: Uint8Array,
  change: (json: Record<string, unknown>, answer: Answer) => object,
): Change {
  return async (answer) => {
    if (answer.status !== 200) return answer;
    const { plaintext } = await compactDecrypt(answer.body, key);
    const json = JSON.parse(new TextDecoder().decode(plaintext)) as Record<string, unknown>;
    const text = JSON.stringify(change(json, answer)).padEnd(4096, " ");
    const sealed = new CompactEncrypt(new TextEncoder().encode(text)).setProtectedHeader({
      alg: "A256KW",
      enc: "A256GCM",
      kid: "First",
    });
    return { ...answer, body: await sealed.encrypt(key) };
  };
}

/** Hexadecimal. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
