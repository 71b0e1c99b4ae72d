import { createPrivateKey, createPublicKey, diffieHellman } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { concatKdf } from "../../src/crypto/concat-kdf.js";

interface Vector {
  alice: Record<string, string>;
  bob: Record<string, string>;
  sharedSecret: number[];
  algorithmId: string;
  partyU: string;
  partyV: string;
  keyBits: number;
  derivedKey: string;
}
const vector = JSON.parse(
  await readFile(new URL("../vectors/rfc7518-appendix-c.json", import.meta.url), "utf8"),
) as Vector;

describe("concatKdf", () => {
  test("derives the key of RFC 7518, appendix C", () => {
    const sharedSecret = diffieHellman({
      privateKey: createPrivateKey({ key: vector.alice, format: "jwk" }),
      publicKey: createPublicKey({ key: vector.bob, format: "jwk" }),
    });
    expect([...sharedSecret]).toEqual(vector.sharedSecret);
    const derived = concatKdf(sharedSecret, {
      algorithmId: vector.algorithmId,
      partyU: Buffer.from(vector.partyU),
      partyV: Buffer.from(vector.partyV),
      keyBits: vector.keyBits,
    });
    expect(derived.toString("base64url")).toBe(vector.derivedKey);
  });
});
