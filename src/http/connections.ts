import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { timerMs } from "../timers.js";
import { AddressLines } from "./address-lines.js";
import { clientNetwork } from "./client-network.js";

export interface ConnectionsOptions {
  /** Without a listener for requests. */
  server: Server;
  onRequest: RequestListener;
  limits: ConnectionLimits;
}

export interface ConnectionLimits {
  /** At one time. */
  maxConnections: number;
  /** Of one address (see client-network.ts). */
  maxConnectionsPerAddress: number;
  /** From a request's head to the end of its answer: then the connection is closed, whoever is late. */
  requestTimeoutMs: number;
  /** How long a client may go on sending after it was answered, and a late answer may take. */
  lingerMs: number;
}

/**
 * A connection may have so many requests at one time (RFC 9112, section 9.3.2), or it is closed: Node would read
 * some thousand small ones before the first is answered.
 */
const maxPipelined = 16;

interface Connection {
  socket: Socket;
  address: string;
  /** Answers that are not wholly handed to the system yet. */
  answers: Set<ServerResponse>;
  /** The request whose head came last. */
  request?: IncomingMessage;
}

/**
 * The connections of an HTTP server. At a limit, the one without a request that has waited the longest is closed
 * for the new one, of the address that has the most of them; where there is none, the one whose request has been arriving
 * the longest. So silent and slow connections cannot keep out those that ask. Where all requests have arrived, the new
 * one is closed.
 */
export class Connections {
  readonly #server: Server;
  readonly #limits: ConnectionLimits;
  readonly #open = new Map<Socket, Connection>();
  /** By address. */
  readonly #counts = new Map<string, number>();
  /** Without a request under way. */
  readonly #idle = new AddressLines<Connection>();
  /** With a request whose body had not arrived as a whole when its head came. */
  readonly #arriving = new AddressLines<Connection>();
  #isClosing = false;

  constructor({ server, onRequest, limits }: ConnectionsOptions) {
    this.#server = server;
    this.#limits = limits;
    server.on("connection", (socket: Socket) => {
      this.#accept(socket);
    });
    server.on("request", (request, response) => {
      if (this.#begin(request, response)) onRequest(request, response);
    });
  }

  get length(): number {
    return this.#open.size;
  }

  /**
   * Takes no new connections and closes those without a request, whatever part of one they have sent. Settles when
   * the others are answered and closed; Node closes those that leave an answer unread.
   */
  async close(): Promise<void> {
    this.#isClosing = true;
    const closed = new Promise((resolve) => {
      this.#server.close(resolve);
    });
    for (const { socket, answers } of this.#open.values()) {
      if (answers.size === 0) socket.destroy();
      for (const response of answers) endWith(response);
    }
    await closed;
  }

  #accept(socket: Socket): void {
    const address = clientNetwork(socket.remoteAddress);
    if (this.#isClosing || !this.#hasRoom(address)) {
      socket.destroy();
      return;
    }
    const connection: Connection = { socket, address, answers: new Set() };
    this.#open.set(socket, connection);
    this.#counts.set(address, (this.#counts.get(address) ?? 0) + 1);
    this.#idle.add(connection);
    socket.once("close", () => {
      this.#forget(connection);
    });
  }

  #hasRoom(address: string): boolean {
    const { maxConnections, maxConnectionsPerAddress } = this.#limits;
    if ((this.#counts.get(address) ?? 0) >= maxConnectionsPerAddress)
      return this.#closeOne(address);
    return this.#open.size < maxConnections || this.#closeOne();
  }

  /**
   * @param address of which it is to be; any where not given
   * @returns whether there was one
   */
  #closeOne(address?: string): boolean {
    const oldest = this.#idle.first(address) ?? this.#firstArriving(address);
    if (oldest === undefined) return false;
    this.#forget(oldest);
    oldest.socket.destroy();
    return true;
  }

  #firstArriving(address?: string): Connection | undefined {
    for (;;) {
      const first = this.#arriving.first(address);
      if (first?.request?.complete !== true) return first;
      this.#arriving.delete(first);
    }
  }

  /** @returns whether the request is to be answered */
  #begin(request: IncomingMessage, response: ServerResponse): boolean {
    const { socket } = request;
    const connection = this.#open.get(socket);
    if (connection === undefined || socket.destroyed) return false;
    if (connection.answers.size >= maxPipelined) {
      socket.destroy();
      return false;
    }
    connection.answers.add(response);
    this.#idle.delete(connection);
    connection.request = request;
    this.#arriving.add(connection);
    if (this.#isClosing) endWith(response);
    const stopTimer = this.#limitTime(socket, response);
    response.once("close", () => {
      stopTimer();
      connection.answers.delete(response);
      if (connection.answers.size === 0) this.#arriving.delete(connection);
      if (!this.#open.has(socket)) return;
      if (!request.complete) this.#linger(request);
      if (connection.answers.size > 0) return;
      if (this.#isClosing) socket.destroySoon();
      else this.#idle.add(connection);
    });
    return true;
  }

  /** An answer that its client does not read ends at the deadline; one that says so may still go out. */
  #limitTime(socket: Socket, response: ServerResponse): () => void {
    const destroy = (): void => {
      socket.destroy();
    };
    let timer = setTimeout(() => {
      if (response.writableEnded) destroy();
      else timer = setTimeout(destroy, timerMs(this.#limits.lingerMs));
    }, timerMs(this.#limits.requestTimeoutMs));
    return () => {
      clearTimeout(timer);
    };
  }

  /** The rest of a request that is answered already is read and dropped, but not for long. */
  #linger(request: IncomingMessage): void {
    const timer = setTimeout(() => request.socket.destroy(), timerMs(this.#limits.lingerMs));
    request.once("close", () => {
      clearTimeout(timer);
    });
  }

  #forget(connection: Connection): void {
    const { address, socket } = connection;
    if (!this.#open.delete(socket)) return;
    // Node tells it only to the answer whose turn it is, which has the socket.
    for (const response of connection.answers) {
      if (response.socket === null) response.emit("close");
    }
    this.#idle.delete(connection);
    this.#arriving.delete(connection);
    const count = (this.#counts.get(address) ?? 1) - 1;
    if (count > 0) this.#counts.set(address, count);
    else this.#counts.delete(address);
  }
}

/** The client is told that no further request will be read. */
function endWith(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader("Connection", "close");
}
