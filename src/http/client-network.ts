import { isIP, isIPv6 } from "node:net";

/** An IPv6 group has 16 bits. */
const groupBits = 16;

/**
 * The network by which limits per client are counted: an IPv4 address, or an IPv6 prefix, because one client has all the
 * addresses of a prefix: a host usually of a /64, a site of up to a /48 (RFC 6177, section 2).
 *
 * @param address of the client (client-address.ts) or of its socket, undefined if that is closed already
 * @returns such as `192.0.2.1` or `2001:db8:0:1::/64`
 */
export function clientNetwork(address: string | undefined, prefixBits: 48 | 64 = 64): string {
  if (address === undefined) return "";
  const mapped = mappedAddress(address);
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

/**
 * The larger network of a client network, of the size that providers are assigned: IPv4 /16, IPv6 /32.
 *
 * @param network from `clientNetwork`
 * @returns such as `192.0.0.0/16` or `2001:db8::/32`
 */
export function providerNetwork(network: string): string {
  if (network.includes(":")) return `${network.split(":").slice(0, 2).join(":")}::/32`;
  return `${network.split(".").slice(0, 2).join(".")}.0.0/16`;
}

/**
 * The address in an element of `X-Forwarded-For`, to which some proxies add the client's port (`192.0.2.1:4711`,
 * `[2001:db8::1]:4711`), or of a socket, which may have a zone (`fe80::1%eth0`).
 *
 * @returns the address alone, an IPv4-mapped one as IPv4; undefined where the text is no address
 */
export function addressOf(text: string): string | undefined {
  const bare =
    /^\[([^\]]*)\](?::\d+)?$/u.exec(text)?.[1] ?? /^([\d.]+):\d+$/u.exec(text)?.[1] ?? text;
  const address = bare.replace(/%.*$/u, "");
  return isIP(address) === 0 ? undefined : (mappedAddress(address) ?? address);
}

/** The IPv4 address in an IPv4-mapped one (RFC 4291, section 2.5.5.2), as sockets that take both families report it. */
function mappedAddress(address: string): string | undefined {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/iu.exec(address)?.[1];
}
