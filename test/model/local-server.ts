import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";

/** A server on the loopback interface that answers the n-th request with the n-th handler, later ones with the last. */
export class LocalServer {
  readonly url: string;
  /** The Range header of each request. */
  readonly ranges: (string | undefined)[];
  readonly #server: Server;

  private constructor(server: Server, url: string, ranges: (string | undefined)[]) {
    this.#server = server;
    this.url = url;
    this.ranges = ranges;
  }

  static async start(...handlers: RequestListener[]): Promise<LocalServer> {
    const ranges: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      const handler = handlers[ranges.length] ?? handlers.at(-1);
      ranges.push(request.headers.range);
      handler?.(request, response);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    return new LocalServer(server, `http://127.0.0.1:${port}/model`, ranges);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
