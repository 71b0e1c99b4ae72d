import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  publicEncrypt,
} from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { decryptOaep, modulusBytes, type OaepHash } from "../../src/crypto/rsa-oaep.js";
import { bytes, hexVectors } from "../helpers/vectors.js";

const published: [OaepHash, string][] = [
  ["sha1", "pkcs1-oaep-sha1.json"],
  ["sha256", "pyca-oaep-sha256.json"],
  ["sha384", "pyca-oaep-sha384.json"],
];
const hashes: OaepHash[] = ["sha1", "sha256", "sha384"];

describe("RSA-OAEP", () => {
  test.each(published)(
    "with %s decrypts the published vectors, and no other hash does",
    (hash, name) => {
      const vectors = hexVectors(name);
      expect(vectors.length).toBeGreaterThan(5);
      for (const vector of vectors) {
        const der = { key: bytes(vector, "privateKey"), format: "der", type: "pkcs8" } as const;
        const key = createPrivateKey(der);
        const ciphertext = bytes(vector, "ciphertext");
        for (const other of hashes) {
          const opened = decryptOaep(key, other, ciphertext);
          expect(opened).toEqual(other === hash ? bytes(vector, "message") : undefined);
        }
      }
    },
  );

  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const message = Buffer.from("a key");
  const encrypt = (padding: number): Buffer =>
    publicEncrypt({ key: createPublicKey(privateKey), padding, oaepHash: "sha256" }, message);

  test("refuses any byte changed", () => {
    const ciphertext = encrypt(constants.RSA_PKCS1_OAEP_PADDING);
    expect(decryptOaep(privateKey, "sha256", ciphertext)).toEqual(message);
    for (let at = 0; at < ciphertext.length; at += 1) {
      const changed = Buffer.from(ciphertext);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(decryptOaep(privateKey, "sha256", changed)).toBeUndefined();
    }
  });

  test("refuses the padding of PKCS #1 v1.5", () => {
    expect(decryptOaep(privateKey, "sha256", encrypt(constants.RSA_PKCS1_PADDING))).toBeUndefined();
  });

  test.each([0, 255, 257])("refuses %i bytes for a key of 256 bytes", (length) => {
    expect(decryptOaep(privateKey, "sha256", Buffer.alloc(length, 1))).toBeUndefined();
  });

  test("refuses a key that is not an RSA key", () => {
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    expect(modulusBytes(other)).toBe(0);
    expect(decryptOaep(other, "sha256", Buffer.alloc(0))).toBeUndefined();
  });
});
