import { pinTls } from "../../client/node/pinned-tls.js";
import { describeCause } from "../../src/errors.js";
import { CommandError, UsageError } from "../usage.js";

/** A way to a server. */
export interface Connection {
  /** The server's address without a slash at its end. */
  url: string;
  fetch: (url: string | URL, init?: RequestInit) => Promise<Response>;
  /** SHA-256 of the TLS key's SubjectPublicKeyInfo; undefined over http://. */
  tlsKeySha256: Uint8Array | undefined;
  close: () => void;
}

/** A server did not answer: it can neither be verified nor refused. */
export class Unreachable extends CommandError {}

/**
 * Connects to a server.
 *
 * @param allowPlain whether http:// may be used, over which nothing is proved about the connection
 * @throws UsageError; Unreachable
 */
export async function connectTo(text: string, allowPlain: boolean): Promise<Connection> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["https:", "http:"].includes(url.protocol)) {
    throw new UsageError("URL wants the server's address, such as https://server.example:8443");
  }
  const address = url.href.replace(/\/+$/u, "");
  if (url.protocol === "http:") {
    if (allowPlain) return { url: address, fetch, tlsKeySha256: undefined, close: () => undefined };
    throw new UsageError(
      "over http:// the host reads and changes what passes; give --no-tls where only what is encrypted to the attested key matters",
    );
  }
  try {
    return { url: address, ...(await pinTls(url)) };
  } catch (cause) {
    throw unreachable(address, cause);
  }
}

export function unreachable(url: string, cause: unknown): Unreachable {
  return new Unreachable(`no answer from ${url}: ${describeCause(cause)}`, ["check the address"], {
    cause,
  });
}
