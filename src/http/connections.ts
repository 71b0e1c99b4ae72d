import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { Server as TlsServer } from "node:https";
import type { Socket } from "node:net";
import { timerMs } from "../bounds/timers.js";
import { AddressQueues } from "../bounds/address-queues.js";
import { clientNetwork } from "./client-network.js";
import type { TrustedProxies } from "./trusted-proxies.js";

export type AnyServer = Server | TlsServer;

export interface ConnectionsOptions {
  /** A server without a `request` listener: this class adds one. */
  server: AnyServer;
  onRequest: RequestListener;
  limits: ConnectionLimits;
  /** Their connections serve many clients, and count only against the limit for all. */
  trustedProxies?: Pick<TrustedProxies, "includes">;
}

export interface ConnectionLimits {
  /** Most connections at one time. */
  maxConnections: number;
  /** Most connections from one client network (client-network.ts). */
  maxConnectionsPerAddress: number;
  /** Most time from a request's head to the end of its answer. After it the connection is closed. */
  requestTimeoutMs: number;
  /** How long a client may go on sending after it was answered, and how long an answer after the timeout may take. */
  lingerMs: number;
}

/**
 * Most unanswered requests on one connection (pipelining: RFC 9112, section 9.3.2). With more, the connection is closed:
 * Node would read thousands of small requests before the first is answered.
 */
const maxPipelined = 16;

interface Connection {
  /** Over TLS, the socket of the system until the handshake is done, then that of TLS. */
  socket: Socket;
  /** The client's network (client-network.ts). */
  address: string;
  /** Answers that have not been passed to the operating system completely. */
  answers: Set<ServerResponse>;
  /** The newest request. */
  request?: IncomingMessage;
}

/**
 * Limits the connections of an HTTP server. At a limit, a new connection replaces an old one: the connection that has been
 * without a request the longest, of the client network that has most of these; if there is none, the one whose request has
 * been arriving the longest. So silent and slow connections cannot keep others out. A connection whose request has arrived
 * is never replaced; if all are of this kind, the new one is closed.
 */
export class Connections {
  readonly #server: AnyServer;
  readonly #limits: ConnectionLimits;
  readonly #trustedProxies: ConnectionsOptions["trustedProxies"];
  readonly #open = new Map<Socket, Connection>();
  /** Open connections by client network. */
  readonly #counts = new Map<string, number>();
  /** Connections without an unanswered request. */
  readonly #idle = new AddressQueues<Connection>();
  /** Connections with an unanswered request. `#firstArriving` drops those whose body has arrived. */
  readonly #arriving = new AddressQueues<Connection>();
  /** Connections whose TLS handshake is not done, by the client's address and port. */
  readonly #handshakes = new Map<string, Connection>();
  #isClosing = false;

  constructor({ server, onRequest, limits, trustedProxies }: ConnectionsOptions) {
    this.#server = server;
    this.#trustedProxies = trustedProxies;
    this.#limits = limits;
    server.on("connection", (socket: Socket) => {
      this.#accept(socket);
    });
    if (server instanceof TlsServer) {
      server.on("secureConnection", (socket) => {
        this.#secure(socket);
      });
    }
    server.on("request", (request, response) => {
      if (this.#begin(request, response)) onRequest(request, response);
    });
  }

  /** The number of open connections. */
  get length(): number {
    return this.#open.size;
  }

  /**
   * Refuses new connections and closes those without an unanswered request, even if part of a request's head has arrived.
   * The promise resolves when the other requests are answered and their connections closed; a client that does not read
   * its answer is disconnected at the request's timeout.
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
    const isProxy = this.#trustedProxies?.includes(socket.remoteAddress) === true;
    if (this.#isClosing || !this.#hasRoom(address, isProxy)) {
      socket.destroy();
      return;
    }
    const connection: Connection = { socket, address, answers: new Set() };
    this.#open.set(socket, connection);
    this.#counts.set(address, (this.#counts.get(address) ?? 0) + 1);
    this.#idle.add(connection);
    const peer = peerOf(socket);
    if (this.#server instanceof TlsServer && peer !== undefined) {
      this.#handshakes.set(peer, connection);
    }
    socket.once("close", () => {
      if (peer !== undefined && this.#handshakes.get(peer) === connection) {
        this.#handshakes.delete(peer);
      }
      this.#forget(connection);
    });
  }

  /** Replaces the socket of the system by that of TLS, which requests have. */
  #secure(socket: Socket): void {
    const peer = peerOf(socket) ?? "";
    const connection = this.#handshakes.get(peer);
    this.#handshakes.delete(peer);
    if (connection === undefined || !this.#open.delete(connection.socket)) {
      socket.destroy();
      return;
    }
    connection.socket = socket;
    this.#open.set(socket, connection);
  }

  #hasRoom(address: string, isProxy: boolean): boolean {
    const { maxConnections, maxConnectionsPerAddress } = this.#limits;
    const isFull = (this.#counts.get(address) ?? 0) >= maxConnectionsPerAddress;
    if (isFull && !isProxy) return this.#closeOne(address);
    return this.#open.size < maxConnections || this.#closeOne();
  }

  /**
   * Closes one connection to make room.
   *
   * @param address client network of the connection; without it, any
   * @returns false if no connection may be closed
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

  /** @returns whether the request is passed on to the listener */
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

  /** Closes the connection at the request's timeout; an answer that has not ended by then gets `lingerMs` more. */
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

  /** Closes the connection if the rest of an answered request does not arrive within `lingerMs`. */
  #linger(request: IncomingMessage): void {
    const timer = setTimeout(() => request.socket.destroy(), timerMs(this.#limits.lingerMs));
    request.once("close", () => {
      clearTimeout(timer);
    });
  }

  #forget(connection: Connection): void {
    const { address, socket } = connection;
    if (!this.#open.delete(socket)) return;
    // Node emits "close" only on the answer that owns the socket, not on those that are pipelined after it.
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

/** @returns the client's address and port; undefined for a socket that is closed already */
function peerOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort ?? 0}`;
}

/** Adds `Connection: close`, unless the headers are sent already. */
function endWith(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader("Connection", "close");
}
