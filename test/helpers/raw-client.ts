import { once } from "node:events";
import type { Server } from "node:net";
import { connect, type Socket } from "node:net";

/** A TCP connection to a server on loopback that sends exactly what a test writes. */
export interface RawClient {
  socket: Socket;
  /** Everything received so far. */
  received: () => string;
  /** Resolves with everything received when it matches; rejects if the connection ends before. */
  until: (pattern: RegExp) => Promise<string>;
  /** Resolves with everything received when the connection is closed or reset. */
  closed: Promise<string>;
}

export async function rawClient(
  port: number,
  text = "",
  localAddress = "127.0.0.1",
): Promise<RawClient> {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  const chunks: Buffer[] = [];
  const received = (): string => Buffer.concat(chunks).toString("latin1");
  const closed = new Promise<string>((resolve) => {
    socket.once("close", () => {
      resolve(received());
    });
  });
  // The server may reset the connection, which closes it too.
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "connect");
  socket.write(text);
  const until = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (pattern.test(received())) resolve(received());
      };
      socket.on("data", look);
      look();
      void closed.then((got) => {
        reject(new Error(`closed before ${String(pattern)}: ${got}`));
      });
    });
  return { socket, received, until, closed };
}

/** @returns the port */
export async function listenOnLoopback(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return address.port;
}
