import axios, { type AxiosInstance } from "axios";
import { Agent, type AgentOptions, type RequestOptions } from "node:https";
import { rootCertificates } from "node:tls";
import type { Duplex } from "node:stream";

export interface TransportOptions {
  /** PEM certificates trusted in place of the built-in ones. */
  ca?: string;
  /** `host:port` dialled in place of every host. Names in URLs, TLS and certificates stay. */
  connect?: string;
}

/** How every outgoing connection of the server is made, and whom it trusts. */
export interface Transport {
  agent: Agent;
  /** PEM certificates, for signatures as well as for TLS. */
  trustedRoots: readonly string[];
}

/**
 * An explicit agent with explicit roots: what the host puts in NODE_EXTRA_CA_CERTS,
 * NODE_TLS_REJECT_UNAUTHORIZED or HTTPS_PROXY has no say.
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

class FixedAddressAgent extends Agent {
  readonly #host: string;
  readonly #port: string;

  constructor(connect: string, options: AgentOptions) {
    super(options);
    const colon = connect.lastIndexOf(":");
    this.#host = connect.slice(0, colon).replace(/^\[|\]$/gu, "");
    this.#port = connect.slice(colon + 1);
  }

  // `servername`, set from the request's own host, is what TLS asks for and checks.
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

/** No proxy of the host's: where connections go is the configuration's to say. */
export function httpClient({ agent }: Transport): AxiosInstance {
  return axios.create({ httpsAgent: agent, proxy: false, beforeRedirect: refusePlainRedirect });
}

function refusePlainRedirect(options: Record<string, unknown>): void {
  if (options["protocol"] !== "https:") throw new Error("a redirect away from https");
}
