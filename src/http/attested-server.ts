import type { ServerOptions } from "node:http";
import { createServer, type Server } from "node:https";
import type { TlsIdentity } from "../crypto/tls-identity.js";

/**
 * Creates a server of HTTP/1.1 over TLS 1.3 with the attested key. Node accepts no early data (RFC 8446, section 2.3), which
 * could be replayed.
 *
 * @param tls its private key is wiped: OpenSSL has its own copy
 * @param timeouts Node's limits; a handshake may take as long as a request's head
 */
export function createAttestedServer(
  { privateKeyPem, certificatePem }: TlsIdentity,
  timeouts: ServerOptions & { headersTimeout: number },
): Server {
  try {
    return createServer({
      ...timeouts,
      key: privateKeyPem,
      cert: certificatePem,
      minVersion: "TLSv1.3",
      ALPNProtocols: ["http/1.1"],
      handshakeTimeout: timeouts.headersTimeout,
    });
  } finally {
    privateKeyPem.fill(0);
  }
}
