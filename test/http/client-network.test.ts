import { describe, expect, test } from "@jest/globals";
import { addressOf, clientNetwork, providerNetwork } from "../../src/http/client-network.js";

describe("a client's network", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"],
    ["2001:0DB8:0001:0002::6", "2001:db8:1:2::/64", "2001:db8:1::/48"],
    ["2001:db8::1", "2001:db8:0:0::/64", "2001:db8:0::/48"],
    ["2001:db8:0:1::", "2001:db8:0:1::/64", "2001:db8:0::/48"],
    ["::1", "0:0:0:0::/64", "0:0:0::/48"],
    ["fe80::1%eth0", "fe80:0:0:0::/64", "fe80:0:0::/48"],
    [undefined, "", ""],
  ])("of %s is %s, or %s", (address, network, site) => {
    expect([clientNetwork(address), clientNetwork(address, 48)]).toEqual([network, site]);
  });
});

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["192.0.2.1:4711", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["2001:db8::1", "2001:db8::1"],
  ["[2001:db8::1]", "2001:db8::1"],
  ["[2001:db8::1]:4711", "2001:db8::1"],
  ["fe80::1%eth0", "fe80::1"],
  ["192.0.2", undefined],
  ["192.0.2.1:", undefined],
  ["192.0.2.256", undefined],
  ["unknown", undefined],
  ["", undefined],
])("the address in %j is %j", (text, address) => {
  expect(addressOf(text)).toBe(address);
});

test.each([
  ["192.0.2.1", "192.0.0.0/16"],
  ["2001:db8:0:1::/64", "2001:db8::/32"],
  ["", ".0.0/16"],
])("the provider's network of %s is %s", (network, expected) => {
  expect(providerNetwork(network)).toBe(expected);
});
