import { createECDH } from "node:crypto";
import { beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { isAttested, openAttestedJwe, readAttestedHeader } from "../../src/crypto/attested-jwe.js";
import { EcdhKey } from "../../src/crypto/ecdh-key.js";
import { replyKey, rewriteHeader, sealAttested, sealByHand } from "../helpers/attested-uploads.js";

const picture = Buffer.from("a picture");
let key: EcdhKey;
let token: Buffer;

beforeAll(async () => {
  key = await EcdhKey.create();
  token = await sealAttested(picture, key.publicJwk, { top: 3, receipt: true });
});

const encode = (value: bigint): string =>
  Buffer.from(value.toString(16).padStart(64, "0"), "hex").toString("base64url");

describe("openAttestedJwe", () => {
  test("opens what jose encrypts, whatever its length, and says what the header asks for", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), fc.boolean(), async (bytes, asks) => {
        const change = asks ? { top: 2, receipt: true } : {};
        const opened = await openAttestedJwe(await sealAttested(bytes, key.publicJwk, change), key);
        expect(opened?.header).toMatchObject({ top: asks ? 2 : undefined, receipt: asks });
        expect(Buffer.from(opened?.plaintext ?? [])).toEqual(Buffer.concat([replyKey, bytes]));
      }),
      { numRuns: 30 },
    );
  });

  test("refuses a token of which any one character is another", async () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const text = token.toString();
    for (let at = 0; at < text.length; at += 1) {
      const next = alphabet[(alphabet.indexOf(text.charAt(at)) + 1) % 64] ?? "A";
      const altered = text.slice(0, at) + next + text.slice(at + 1);
      expect(await openAttestedJwe(Buffer.from(altered), key)).toBeUndefined();
    }
  });

  test("opens what is made by hand with the right header and lengths", async () => {
    const opened = await openAttestedJwe(sealByHand(picture, key.publicJwk), key);
    expect(Buffer.from(opened?.plaintext ?? [])).toEqual(picture);
  });

  const epk = { crv: "P-256", kty: "EC", x: "", y: "" };
  test.each<[string, Record<string, unknown>]>([
    ["another algorithm", { alg: "ECDH-ES+A128KW" }],
    ["direct key agreement", { alg: "ECDH-ES" }],
    ["CBC", { enc: "A256CBC-HS512" }],
    ["a smaller key", { enc: "A128GCM" }],
    ["compression", { zip: "DEF" }],
    ["an apu", { apu: "" }],
    ["an apv", { apv: "" }],
    ["a critical extension", { crit: ["unknown"], unknown: 1 }],
    ["a content type", { cty: "json" }],
    ["a type", { typ: "JWE" }],
    ["a URL of keys", { jku: "https://keys.example" }],
    ["a certificate", { x5c: [] }],
    ["a top of 0", { top: 0 }],
    ["a top of a half", { top: 0.5 }],
    ["a top beyond the whole numbers", { top: 1e300 }],
    ["a text as top", { top: "1" }],
    ["a top of null", { top: null }],
    ["a receipt of false", { receipt: false }],
    ["a receipt of 1", { receipt: 1 }],
    ["no ephemeral key", { epk: undefined }],
    ["an empty ephemeral key", { epk }],
    ["a text as ephemeral key", { epk: "P-256" }],
    ["null as ephemeral key", { epk: null }],
  ])("refuses a token of valid tag with %s", async (_, header) => {
    expect(
      await openAttestedJwe(sealByHand(picture, key.publicJwk, { header }), key),
    ).toBeUndefined();
  });

  test.each<[string, (epk: Record<string, unknown>) => void]>([
    ["of another curve", (one) => (one["crv"] = "P-384")],
    ["of another type", (one) => (one["kty"] = "OKP")],
    ["with a private half", (one) => (one["d"] = "AA")],
    ["with a kid", (one) => (one["kid"] = "mine")],
    ["with padding", (one) => (one["x"] = `${String(one["x"])}=`)],
    ["with unused bits", (one) => (one["y"] = `${String(one["y"]).slice(0, -1)}B`)],
    ["with a number", (one) => (one["y"] = 1)],
    ["with the other alphabet", (one) => (one["x"] = `+${String(one["x"]).slice(1)}`)],
    ["with a shorter coordinate", (one) => (one["x"] = String(one["x"]).slice(0, -2))],
  ])("refuses an ephemeral key %s", (_, change) => {
    const x = "A".repeat(43);
    const good = { alg: "ECDH-ES+A256KW", enc: "A256GCM", kid: "", epk: { ...epk, x, y: x } };
    expect(readAttestedHeader(good)).toEqual({
      epk: { x: Buffer.alloc(32), y: Buffer.alloc(32) },
      top: undefined,
      receipt: false,
    });
    const altered: Record<string, unknown> = { ...good.epk };
    change(altered);
    expect(readAttestedHeader({ ...good, epk: altered })).toBeUndefined();
  });

  test("refuses a content key of 128 bits and an IV of other than 96, under valid tags", async () => {
    for (const made of [{ contentKeyBytes: 16 }, { ivBytes: 16 }, { ivBytes: 8 }] as const) {
      expect(await openAttestedJwe(sealByHand(picture, key.publicJwk, made), key)).toBeUndefined();
    }
  });

  test("refuses a token of another key, and one with an encrypted key or an IV of another length", async () => {
    expect(await openAttestedJwe(token, await EcdhKey.create())).toBeUndefined();
    const [head = "", wrapped = "", iv = "", ...rest] = token.toString().split(".");
    for (const parts of [
      [head, "", iv, ...rest],
      [head, `${wrapped.slice(0, -2)}AAAAAAAAAAAAA`, iv, ...rest],
      [head, wrapped, `${iv}AAAA`, ...rest],
      [head, wrapped, "", ...rest],
      [head, wrapped, iv, ...rest, ""],
    ]) {
      expect(await openAttestedJwe(Buffer.from(parts.join(".")), key)).toBeUndefined();
    }
  });
});

describe("isAttested", () => {
  test("looks at the protected header's alg, and at nothing behind the header", () => {
    const [head = ""] = token.toString().split(".");
    expect(isAttested(Buffer.from(`${head}.`))).toBe(true);
    const dir = rewriteHeader(token, (header) => (header["alg"] = "dir"));
    expect([dir, Buffer.from(head), Buffer.from("."), Buffer.alloc(0)].map(isAttested)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});

/** P-256 (SEC 2, section 2.4.2). */
const p = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
const mod = (value: bigint): bigint => ((value % p) + p) % p;

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (
    let bits = exponent, square = mod(base);
    bits > 0n;
    bits >>= 1n, square = mod(square ** 2n)
  ) {
    if ((bits & 1n) === 1n) result = mod(result * square);
  }
  return result;
}

/** A point of the quadratic twist, written as one of the curve -y² = x³ - 3x + b: -1 is no square modulo p. */
function twistPoint(): [bigint, bigint] {
  for (let x = 2n; ; x += 1n) {
    const square = mod(-(x ** 3n - 3n * x + b));
    const y = power(square, (p + 1n) / 4n);
    if (mod(y ** 2n) === square && y !== 0n) return [x, y];
  }
}

describe("EcdhKey", () => {
  test("agrees on the secret that Node computes, and has no private key that can be exported", async () => {
    const other = createECDH("prime256v1");
    const point = other.generateKeys();
    const { x, y } = key.publicJwk;
    const own = Buffer.concat([
      Buffer.of(4),
      Buffer.from(x, "base64url"),
      Buffer.from(y, "base64url"),
    ]);
    const secret = await key.agree(point.subarray(1, 33), point.subarray(33));
    expect(secret).toEqual(other.computeSecret(own));
    expect(JSON.stringify(key)).not.toContain('"d"');
    expect(Object.keys(key).sort()).toEqual(["kid", "publicJwk"]);
  });

  const [twistX, twistY] = twistPoint();
  test.each<[string, bigint, bigint]>([
    ["off the curve", 1n, 1n],
    ["of order 2 of another curve", 1n, 0n],
    ["of the twist", twistX, twistY],
    ["at (0, 0)", 0n, 0n],
    ["whose x is not reduced", p, power(b, (p + 1n) / 4n)],
  ])("refuses a point %s, alone and in a token", async (_, x, y) => {
    const [encodedX, encodedY] = [encode(x), encode(y)];
    const bytes = (text: string): Buffer => Buffer.from(text, "base64url");
    expect(await key.agree(bytes(encodedX), bytes(encodedY))).toBeUndefined();
    const epk = { crv: "P-256", kty: "EC", x: encodedX, y: encodedY };
    const altered = rewriteHeader(token, (header) => Object.assign(header, { epk }));
    expect(await openAttestedJwe(altered, key)).toBeUndefined();
  });

  test("takes the same point with its x reduced: it is on the curve", async () => {
    const y = Buffer.from(encode(power(b, (p + 1n) / 4n)), "base64url");
    expect(await key.agree(Buffer.alloc(32), y)).toHaveLength(32);
  });

  test("refuses coordinates of another length", async () => {
    const point = createECDH("prime256v1").generateKeys();
    for (const at of [32, 34]) {
      expect(await key.agree(point.subarray(1, at), point.subarray(at))).toBeUndefined();
    }
  });
});
