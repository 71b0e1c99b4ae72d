import axios, { type AxiosInstance } from "axios";
import { Agent, type AgentOptions, type RequestOptions } from "node:https";
import { rootCertificates } from "node:tls";
import type { Duplex } from "node:stream";

export interface TransportOptions {
  /** PEM certificates trusted in place of the built-in ones. */
  ca?: string;
  /** `host:port` to which every connection is made. TLS still asks for, and checks, the host name of the URL. */
  connect?: string;
}

/** How all outgoing connections of the server are made, and which roots they trust. */
export interface Transport {
  agent: Agent;
  /** PEM certificates. Signatures of other machines are verified with them as well. */
  trustedRoots: readonly string[];
}

/**
 * Creates an agent with explicit roots, so that the host's NODE_EXTRA_CA_CERTS, NODE_TLS_REJECT_UNAUTHORIZED and HTTPS_PROXY
 * have no effect (docs/decisions/0001-one-agent-explicit-roots.md).
 */
export function createTransport({ ca, connect }: TransportOptions = {}): Transport {
  const trustedRoots = ca === undefined ? rootCertificates : splitPem(ca);
  const options: AgentOptions = {
    keepAlive: true,
    ca: [...trustedRoots],
    rejectUnauthorized: true,
    minVersion: "TLSv1.2",
  };
  const agent =
    connect === undefined ? new Agent(options) : new FixedAddressAgent(connect, options);
  return { agent, trustedRoots };
}

/** Connects to one address, whatever host is asked for. */
class FixedAddressAgent extends Agent {
  readonly #host: string;
  readonly #port: string;

  constructor(connect: string, options: AgentOptions) {
    super(options);
    const colon = connect.lastIndexOf(":");
    this.#host = connect.slice(0, colon).replace(/^\[|\]$/gu, "");
    this.#port = connect.slice(colon + 1);
  }

  // TLS asks for and checks `servername`, which Node sets from the host of the request.
  override createConnection(
    options: RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    return super.createConnection({ ...options, host: this.#host, port: this.#port }, callback);
  }
}

function splitPem(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/gu) ?? [];
}

/** Creates an axios client without a proxy, which the host's environment could set. It refuses redirects away from https. */
export function httpClient({ agent }: Transport): AxiosInstance {
  return axios.create({ httpsAgent: agent, proxy: false, beforeRedirect: refusePlainRedirect });
}

function refusePlainRedirect(options: Record<string, unknown>): void {
  if (options["protocol"] !== "https:") throw new Error("a redirect away from https");
}
