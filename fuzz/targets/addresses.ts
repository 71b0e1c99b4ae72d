import assert from "node:assert/strict";
import { BlockList, SocketAddress } from "node:net";
import { clientNetwork } from "../../src/http/client-network.js";
import type { Target } from "../target.js";

const seeds = [
  "",
  "00000000000000000000000000000001",
  "20010db8000100020000000000000001",
  "00000000000000000000ffff7f000001",
  "fe800000000000000000000000000001",
  "7f000001",
];

/** IP addresses of 4 or 16 bytes, as sockets give them: Node's BlockList finds each address in its network. */
export const addresses: Target = {
  name: "addresses",
  parsers: ["src/http/client-network.ts"],
  mutation: "bytes",
  maxBytes: 64,
  prepare: () => Promise.resolve({ seeds: seeds.map((seed) => Buffer.from(seed, "hex")), check }),
};

function check(input: Uint8Array): string {
  if (input.length < 16) {
    const address = Array.from({ length: 4 }, (_, index) => input[index] ?? 0).join(".");
    for (const form of [address, `::ffff:${address}`]) {
      assert.equal(clientNetwork(form), address);
      assert.equal(clientNetwork(form, 48), address);
    }
    return "IPv4";
  }
  const groups = (Buffer.from(input).toString("hex", 0, 16).match(/.{4}/gu) ?? []).join(":");
  const { address } = new SocketAddress({ address: groups, family: "ipv6" });
  const isMapped = address.startsWith("::ffff:") && address.includes(".");
  const networks = [
    [clientNetwork(address), 64],
    [clientNetwork(address, 48), 48],
  ] as const;
  for (const [network, bits] of networks) {
    if (isMapped) {
      assert.equal(network, address.slice("::ffff:".length));
      continue;
    }
    const [prefix = ""] = network.split("/");
    const list = new BlockList();
    list.addSubnet(prefix.replace(/:::$/u, "::"), bits, "ipv6");
    assert(list.check(address, "ipv6"), `${address} is not in ${network}`);
  }
  return isMapped ? "mapped" : "IPv6";
}
