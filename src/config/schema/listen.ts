import { isIP } from "node:net";
import { z } from "zod";
import { isOrigin } from "../service-names.js";
import { host, tcpPort } from "./values.js";

const proxy = z
  .string()
  .refine(
    isAddressOrNetwork,
    "an IP address, or a network such as 10.0.0.0/8 or fd00::/8; not all addresses",
  );

const origin = z
  .string()
  .refine(
    isOrigin,
    "an origin such as https://a.example: scheme, host and port as browsers send them; or null, that of files",
  );

/** `Inference.Listen`: the addresses of the HTTP server, and whom it believes. */
export const listen = z
  .strictObject({
    Host: host,
    Port: tcpPort
      .nullable()
      .default(8000)
      .describe(
        "The TCP port of HTTP. 0: the system chooses one, and the log names it. null: none, only TlsPort.",
      ),
    TlsPort: tcpPort
      .optional()
      .describe(
        "The TCP port of HTTPS with the attested key, which clients compare. Absent: none.",
      ),
    TrustedProxies: z
      .array(proxy)
      .default([])
      .describe(
        "Addresses and networks (CIDR) of the proxies in front of the server. Only their `X-Forwarded-For` is read, for all " +
          "limits per address; MaxConnectionsPerAddress does not hold for them.",
      ),
    Cors: z
      .array(origin)
      .default([])
      .describe(
        "Origins whose pages may read answers in browsers (CORS), exactly as browsers send them. `null` is the origin of every file and sandboxed frame. Empty: none.",
      ),
  })
  .refine(({ Port, TlsPort }) => Port !== null || TlsPort !== undefined, {
    path: ["Port"],
    error: "a port, as there is no TlsPort",
  })
  .describe("The addresses of the HTTP server, and whom it believes.");

function isAddressOrNetwork(text: string): boolean {
  const [address = "", prefix, ...more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || /^::ffff:|%/iu.test(address) || more.length > 0) return false;
  if (prefix === undefined) return true;
  const bits = version === 4 ? 32 : 128;
  return /^\d{1,3}$/u.test(prefix) && Number(prefix) >= 1 && Number(prefix) <= bits;
}
