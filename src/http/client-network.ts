import { isIPv6 } from "node:net";

/** An IPv6 group has 16 bits. */
const groupBits = 16;

/**
 * The network by which limits per client are counted: an IPv4 address, or an IPv6 prefix, because one client has all the
 * addresses of a prefix: a host usually of a /64, a site of up to a /48 (RFC 6177, section 2). `X-Forwarded-For` and the
 * like are ignored, because any client can send them.
 *
 * @param address `remoteAddress` of the socket, undefined if it is closed already
 * @returns such as `192.0.2.1` or `2001:db8:0:1::/64`
 */
export function clientNetwork(address: string | undefined, prefixBits: 48 | 64 = 64): string {
  if (address === undefined) return "";
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/iu.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.replace(/%.*$/u, "").split("::");
  const groups = head.split(":").filter((group) => group !== "");
  const rest = tail === undefined ? [] : tail.split(":").filter((group) => group !== "");
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - rest.length) }, () => "0");
  const network = [...groups, ...zeros, ...rest].slice(0, prefixBits / groupBits);
  const text = network.map((group) => Number.parseInt(group, 16).toString(16)).join(":");
  return `${text}::/${prefixBits}`;
}
