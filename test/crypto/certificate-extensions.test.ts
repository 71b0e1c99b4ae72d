import { describe, expect, test } from "@jest/globals";
import { der } from "./certify.js";
import { chainOf, verdict } from "./verify-written.js";
import {
  alternativeNames,
  authorityExtensions,
  basicConstraints,
  ca,
  constraints,
  dns,
  excluded,
  extension,
  forHost,
  hex,
  host,
  isCritical,
  keyUsage,
  leafExtensions,
  noCa,
  none,
  objectIdentifier,
  permitted,
  purposes,
  signs,
} from "./write-certificate.js";

const anyPolicy = der(0x30, objectIdentifier("551d2000"));

const extensionCases: [string, Buffer, RegExp][] = [
  ["an extension twice", forHost, /twice/u],
  [
    "an unknown critical extension",
    extension("2a0304", isCritical, hex("0500")),
    /not known: 1\.2\.3\.4/u,
  ],
  ["critical: FALSE, written", extension("2a0304", hex("010100"), hex("0500")), /default value/u],
  [
    "critical: TRUE in an encoding that only BER allows",
    extension("2a0304", hex("010101"), hex("0500")),
    /no DER boolean/u,
  ],
  ["critical of two bytes", extension("2a0304", hex("0102ffff"), hex("0500")), /no DER boolean/u],
  ["critical behind the value", der(0x30, hex("06032a0304 04020500 0101ff")), /does not belong/u],
  ["an extension without a value", der(0x30, hex("06032a0304")), /in place of 4/u],
  [
    "an identifier with leading zeros",
    extension("2a80030400", none, hex("0500")),
    /leading zeros/u,
  ],
  ["an identifier of no bytes", extension("", none, hex("0500")), /of no bytes/u],
  [
    "a critical key identifier of the subject",
    extension("551d0e", isCritical, hex("040101")),
    /not known: 2\.5\.29\.14/u,
  ],
  [
    "a critical key identifier of the issuer",
    extension("551d23", isCritical, hex("3000")),
    /not known: 2\.5\.29\.35/u,
  ],
  [
    "policy constraints",
    extension("551d24", isCritical, hex("3003800100")),
    /not known: 2\.5\.29\.36/u,
  ],
  [
    "policy constraints that are not critical",
    extension("551d24", none, hex("3003800100")),
    /not known: 2\.5\.29\.36/u,
  ],
  [
    "the extension inhibitAnyPolicy",
    extension("551d36", isCritical, hex("020100")),
    /not known: 2\.5\.29\.54/u,
  ],
  ["an empty list of policies", extension("551d20", none, hex("3000")), /empty list/u],
  ["a policy twice", extension("551d20", none, der(0x30, anyPolicy, anyPolicy)), /policy twice/u],
  [
    "a policy with a third element",
    extension("551d20", none, der(0x30, der(0x30, objectIdentifier("551d2000"), hex("0500")))),
    /does not belong/u,
  ],
  [
    "a policy with an empty list of qualifiers",
    extension("551d20", none, der(0x30, der(0x30, objectIdentifier("551d2000"), hex("3000")))),
    /empty list/u,
  ],
];

describe("a leaf and an authority are refused for the extension:", () => {
  test.each(extensionCases)("%s", (_what, added, reason) => {
    expect(verdict(chainOf({ leaf: { extensions: [...leafExtensions, added] } }))).toMatch(reason);
    const extensions = [...authorityExtensions, forHost, added];
    expect(verdict(chainOf({ authority: { extensions } }))).toMatch(reason);
  });

  test.each<[string, Buffer[], RegExp]>([
    [
      "a CA flag of FALSE, which is the default",
      [basicConstraints(hex("3003010100")), signs, forHost],
      /default value/u,
    ],
    [
      "a CA flag in an encoding that only BER allows",
      [basicConstraints(hex("3003010101")), signs, forHost],
      /no DER boolean/u,
    ],
    ["a CA that may not sign certificates", [ca, signs, forHost], /CA's certificate in/u],
    [
      "basic constraints of a CA that are not critical",
      [basicConstraints(hex("30030101ff"), none), signs, forHost],
      /CA's certificate in/u,
    ],
    [
      "a path length without the CA flag",
      [basicConstraints(hex("3003020100")), signs, forHost],
      /path length/u,
    ],
    [
      "bytes after the basic constraints",
      [basicConstraints(hex("30020500")), signs, forHost],
      /does not belong/u,
    ],
    [
      "two sequences in the basic constraints",
      [basicConstraints(hex("30003000")), signs, forHost],
      /not exactly one/u,
    ],
    ["the right to sign certificates", [noCa, keyUsage(hex("03020284")), forHost], /only a CA/u],
    ["name constraints", [noCa, signs, forHost, constraints(permitted(dns(host)))], /only a CA/u],
    ["a key usage of no bits", [noCa, keyUsage(hex("030100")), forHost], /one to nine uses/u],
    [
      "a key usage without bits, of which three are unused",
      [noCa, keyUsage(hex("030103")), forHost],
      /of no length/u,
    ],
    ["a key usage of zeros", [noCa, keyUsage(hex("03020000")), forHost], /one to nine uses/u],
    ["a key usage with zeros at its end", [noCa, keyUsage(hex("03020080")), forHost], /not DER/u],
    [
      "a key usage with bits beyond its end",
      [noCa, keyUsage(hex("030207ff")), forHost],
      /beyond its end/u,
    ],
    ["a key usage of ten bits", [noCa, keyUsage(hex("0303068040")), forHost], /one to nine uses/u],
    [
      "a key usage with nine unused bits",
      [noCa, keyUsage(hex("03020980")), forHost],
      /of no length/u,
    ],
    [
      "a key usage that is not a bit string",
      [noCa, keyUsage(hex("04020780")), forHost],
      /in place of 3/u,
    ],
    ["purposes, none", [noCa, signs, purposes(), forHost], /empty list/u],
    [
      "a purpose that is not an object identifier",
      [noCa, signs, forHost, extension("551d25", none, hex("30020500"))],
      /in place of 6/u,
    ],
    ["no names in their list", [noCa, signs, alternativeNames()], /empty list/u],
    [
      "a name of an unknown form",
      [noCa, signs, alternativeNames(dns(host), der(0x89, "a"))],
      /unknown form/u,
    ],
    [
      "a constructed name that must be primitive",
      [noCa, signs, alternativeNames(dns(host), der(0xa2, "a"))],
      /unknown form/u,
    ],
    [
      "a primitive name that must be constructed",
      [noCa, signs, alternativeNames(dns(host), der(0x84, der(0x30)))],
      /unknown form/u,
    ],
    [
      "an address of five bytes",
      [noCa, signs, alternativeNames(dns(host), der(0x87, "12345"))],
      /address of 5 bytes/u,
    ],
    [
      "a malformed directory name",
      [noCa, signs, alternativeNames(dns(host), der(0xa4, hex("0500")))],
      /in place of 48/u,
    ],
    [
      "a DNS name with a zero byte",
      [noCa, signs, alternativeNames(dns(host), dns(`${host}\0.example`))],
      /letters, digits and hyphens/u,
    ],
    [
      "a DNS name that ends with a dot",
      [noCa, signs, alternativeNames(dns(host), dns(`${host}.`))],
      /letters, digits and hyphens/u,
    ],
    [
      "a DNS name with an underscore",
      [noCa, signs, alternativeNames(dns(host), dns(`a_b.${host}`))],
      /letters, digits and hyphens/u,
    ],
    [
      "an empty DNS name",
      [noCa, signs, alternativeNames(dns(host), dns(""))],
      /letters, digits and hyphens/u,
    ],
    [
      "a DNS name of 254 characters",
      [noCa, signs, alternativeNames(dns(host), dns(`${"a.".repeat(126)}aa`))],
      /letters, digits and hyphens/u,
    ],
    [
      "a DNS name with a wildcard in the middle",
      [noCa, signs, alternativeNames(dns(host), dns(`a.*.${host}`))],
      /letters, digits and hyphens/u,
    ],
  ])("%s", (_what, extensions, reason) => {
    expect(verdict(chainOf({ leaf: { extensions } }))).toMatch(reason);
  });

  test.each<[string, Buffer, RegExp]>([
    ["without a name", constraints(), /without a name/u],
    ["with an empty list", constraints(der(0xa0)), /empty list/u],
    [
      "with an empty list next to another list",
      constraints(permitted(dns(host)), der(0xa1)),
      /empty list/u,
    ],
    [
      "in the wrong order",
      constraints(excluded(dns("a.example")), permitted(dns(host))),
      /does not belong/u,
    ],
    ["of an empty subtree", constraints(der(0xa0, hex("3000"))), /with bounds/u],
    [
      "with a minimum",
      constraints(permitted(Buffer.concat([dns(host), hex("800101")]))),
      /with bounds/u,
    ],
    [
      "with an encoded minimum of 0, which is the default",
      constraints(permitted(Buffer.concat([dns(host), hex("800100")]))),
      /with bounds/u,
    ],
    [
      "with a maximum",
      constraints(permitted(Buffer.concat([dns(host), hex("810101")]))),
      /with bounds/u,
    ],
    [
      "on an address without a mask",
      constraints(excluded(der(0x87, "1234"))),
      /address of 4 bytes/u,
    ],
    [
      "on an address whose mask has gaps",
      constraints(excluded(der(0x87, hex("0a000000ff00ff00")))),
      /with gaps/u,
    ],
    ["of a name of an unknown form", constraints(excluded(der(0x89, "a"))), /unknown form/u],
    [
      "on a malformed directory name",
      constraints(excluded(der(0xa4, hex("0500")))),
      /in place of 48/u,
    ],
    [
      "on a DNS name that begins with a dot",
      constraints(permitted(dns(".example"))),
      /may not certify/u,
    ],
    [
      "on a DNS name with a wildcard",
      constraints(excluded(dns("*.other.example"))),
      /may not certify/u,
    ],
    [
      "on a DNS name with a zero byte",
      constraints(excluded(dns("other\0.example"))),
      /may not certify/u,
    ],
    [
      "on a registered identifier",
      constraints(excluded(der(0x88, hex("2a03")))),
      /may not certify/u,
    ],
    [
      "on an otherName",
      constraints(excluded(der(0xa0, hex("06022a03 a0020500")))),
      /may not certify/u,
    ],
  ])("name constraints %s", (_what, added, reason) => {
    expect(
      verdict(chainOf({ authority: { extensions: [...authorityExtensions, added] } })),
    ).toMatch(reason);
  });
});
