import type { RequestListener } from "node:http";
import axios from "axios";
import { download, type DownloadOptions } from "../../src/model/resumable-download.js";
import { LocalServer } from "./local-server.js";

export const file = Buffer.from(Array.from({ length: 50_000 }, (_, index) => (index * 11) % 253));
/** The index of its last byte. */
export const end = file.length - 1;
export const length = { "Content-Length": file.length };

/** What the sink and the server have received. */
export interface Received {
  chunks: Buffer[];
  starts: (number | undefined)[];
  ranges: (string | undefined)[];
  retries: string[];
}

/** Starts a server, downloads from it, and closes it when the download settles. */
export async function downloadFrom(
  handlers: RequestListener[],
  part: Partial<DownloadOptions> = {},
) {
  const server = await LocalServer.start(...handlers);
  const { url, ranges } = server;
  const received: Received = { chunks: [], starts: [], ranges, retries: [] };
  const sink = {
    start: (total: number | undefined) => {
      received.starts.push(total);
      received.chunks = [];
    },
    write: (chunk: Uint8Array) => {
      received.chunks.push(Buffer.from(chunk));
    },
  };
  const done = download(sink, {
    url,
    http: axios.create({ proxy: false }),
    maxBytes: 1_000_000,
    deadlineMs: 20_000,
    onProgress: () => undefined,
    onRetry: ({ reason }) => received.retries.push(reason),
    ...part,
  });
  const close = (): void => {
    server.close();
  };
  void done.then(close, close);
  return { done, received };
}

export function whole(bytes = file): RequestListener {
  return (_request, response) => {
    response.setHeader("Content-Length", bytes.length).end(bytes);
  };
}

/** Sends the file's first bytes, then breaks the connection. */
export function broken(bytes: number, headers: Record<string, number> = {}): RequestListener {
  return (_request, response) => {
    response.writeHead(200, headers);
    response.write(file.subarray(0, bytes), () => response.destroy());
  };
}

/** Sends the file from an offset, with any Content-Range. */
export function part(from: number, contentRange: string | undefined): RequestListener {
  return (_request, response) => {
    response.writeHead(206, contentRange === undefined ? {} : { "Content-Range": contentRange });
    response.end(file.subarray(from));
  };
}
