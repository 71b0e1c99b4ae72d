import { BlockList, isIP } from "node:net";
import { addressOf } from "./client-network.js";

/** The proxies whose `X-Forwarded-For` is believed (`Listen.TrustedProxies`). */
export class TrustedProxies {
  /** One for each family: Node finds IPv4 addresses in IPv6 networks that cover ::ffff:0:0/96. */
  readonly #networks = { ipv4: new BlockList(), ipv6: new BlockList() };

  /** @param networks addresses, or networks in CIDR notation (RFC 4632, section 3.1; RFC 4291, section 2.3) */
  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [address = "", prefix] = network.split("/");
      const family = familyOf(address);
      const networksOfFamily = this.#networks[family];
      if (prefix === undefined) networksOfFamily.addAddress(address, family);
      else networksOfFamily.addSubnet(address, Number(prefix), family);
    }
  }

  /** @param text an address as a socket or `X-Forwarded-For` gives it; anything else is not included */
  includes(text: string | undefined): boolean {
    const address = text === undefined ? undefined : addressOf(text);
    if (address === undefined) return false;
    const family = familyOf(address);
    return this.#networks[family].check(address, family);
  }
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}
