import { isIPv6 } from "node:net";

/**
 * Whose share a connection's bytes are counted in: an IPv4 address, or the /64 network of an IPv6 address, of which
 * one host has all addresses (RFC 6177). Forwarding headers count for nothing: anybody may write them.
 *
 * @param address as the socket gives it, undefined where it is closed already
 */
export function clientNetwork(address: string | undefined): string {
  if (address === undefined) return "";
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/iu.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.replace(/%.*$/u, "").toLowerCase().split("::");
  const groups = head.split(":").filter((group) => group !== "");
  const rest = tail === undefined ? [] : tail.split(":").filter((group) => group !== "");
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - rest.length) }, () => "0");
  return `${[...groups, ...zeros, ...rest].slice(0, 4).join(":")}::/64`;
}
