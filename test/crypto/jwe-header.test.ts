import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { CompactEncrypt } from "jose";
import { openJwe, readKid } from "../../src/crypto/jwe.js";
import { maxHeaderBytes, readCompactJwe, readHeader } from "../../src/crypto/jwe-header.js";

const key = Buffer.alloc(32, 0x21);
const plain = '{"alg":"dir","enc":"A256GCM","kid":"mine"}';

const encode = (text: string): string => Buffer.from(text).toString("base64url");
const read = (header: string) => readHeader(Buffer.from(`${header}.a.b.c.d`));

/** Creates a token with any header and a valid tag; libraries would refuse to write some headers. */
async function sealWith(header: string, ivBytes = 12): Promise<string> {
  const content = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  const iv = Buffer.alloc(ivBytes, 7);
  const gcm = { name: "AES-GCM", iv, additionalData: Buffer.from(header) };
  const sealed = Buffer.from(await crypto.subtle.encrypt(gcm, content, Buffer.from("a picture")));
  const parts = [sealed.subarray(0, -16), sealed.subarray(-16)];
  return [header, "", ...[iv, ...parts].map((part) => part.toString("base64url"))].join(".");
}

async function opens(token: string): Promise<boolean> {
  return (await openJwe(Buffer.from(token), key)) !== undefined;
}

describe("a protected header", () => {
  test("may contain unknown names", () => {
    const header = { alg: "dir", x: [{ a: 1, b: { a: 2 } }, { a: 3 }], "a:b": '"{":[,' };
    expect(read(encode(JSON.stringify(header)))).toEqual(header);
  });

  test("is parsed like JSON.parse does, for any JSON object", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (header) => {
        const json = JSON.stringify(header);
        fc.pre(Buffer.byteLength(json) <= 3072);
        expect(read(encode(json))).toEqual(JSON.parse(json));
      }),
    );
  });

  test("has a maximum length, which is checked before it is decoded", async () => {
    const padded = (bytes: number): string =>
      encode(plain.replace("}", `,"x":"${"y".repeat((bytes / 4) * 3 - plain.length - 7)}"}`));
    expect(padded(maxHeaderBytes)).toHaveLength(maxHeaderBytes);
    expect(await opens(await sealWith(padded(maxHeaderBytes)))).toBe(true);
    expect(await opens(await sealWith(padded(maxHeaderBytes + 4)))).toBe(false);
    expect(readKid(Buffer.from(`${padded(maxHeaderBytes + 4)}.`))).toBeUndefined();
    const nested = encode(`{"kid":"mine","x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`);
    expect(read(nested)).toBeUndefined();
  });

  test.each([
    ["the same name twice", '{"alg":"dir","enc":"A256GCM","kid":"mine","kid":"mine"}'],
    [
      "the same name twice, once escaped",
      '{"alg":"dir","enc":"A256GCM","kid":"mine","\\u006bid":"other"}',
    ],
    ["a name twice, deep inside", '{"alg":"dir","enc":"A256GCM","x":[{"y":{"a":1,"b":2,"a":1}}]}'],
    ["a byte order mark", `\ufeff${plain}`],
    ["no object", '["dir"]'],
    ["nothing", "null"],
    ["more than an object", `${plain}{}`],
    ["a comment", `/**/${plain}`],
  ])("with %s is refused", async (_what, header) => {
    expect(read(encode(header))).toBeUndefined();
    expect(await opens(await sealWith(encode(header)))).toBe(false);
  });

  test("is refused in an encoding other than UTF-8", async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"alg":"dir","enc":"A256GCM","x":"'),
      Buffer.from([0xff]),
      Buffer.from('"}'),
    ]);
    expect(await opens(await sealWith(bytes.toString("base64url")))).toBe(false);
  });

  test("of a usual form opens with a tag that this test computed", async () => {
    expect(await opens(await sealWith(encode(plain)))).toBe(true);
    expect(await opens(await sealWith(encode(plain.replace(":", " :\n "))))).toBe(true);
  });
});

describe("a compact serialisation", () => {
  const tokens = (content: Buffer): Promise<string>[] =>
    ["dir", "A256KW"].map((alg) =>
      new CompactEncrypt(content)
        .setProtectedHeader({ alg, enc: "A256GCM", kid: "mine" })
        .encrypt(key),
    );

  test("has exactly five parts", async () => {
    for (const token of await Promise.all(tokens(Buffer.from("a picture")))) {
      expect(await opens(token)).toBe(true);
      for (const changed of [`${token}.`, `${token}.AA`, `.${token}`, token.replace(".", "..")]) {
        expect(await opens(changed)).toBe(false);
      }
      expect(await opens(token.split(".").slice(0, 4).join("."))).toBe(false);
    }
  });

  test("is strict base64url in each part: no padding, no white space, no other alphabet, no nonzero unused bits", async () => {
    // The contents have all lengths modulo 3. Two of these leave bits of the last character unused.
    for (const content of ["12", "123", "1234"]) {
      for (const token of await Promise.all(tokens(Buffer.from(content)))) {
        expect(await opens(token)).toBe(true);
        const parts = token.split(".");
        for (const [at, part] of parts.entries()) {
          const middle = part.length >> 1;
          const insert = (text: string): string =>
            part.slice(0, middle) + text + part.slice(middle);
          const changes = [" ", "\n", "\t", "=", "+", "/", "\u0000", "\u00e9", "AAA="].map(insert);
          changes.push(`${part}=`, `${part}==`, `${part}\n`, ` ${part}`, `\ufeff${part}`);
          if (part.length % 4 > 1) changes.push(withUnusedBit(part));
          for (const changed of changes) {
            const whole = parts.with(at, changed).join(".");
            expect(readCompactJwe(Buffer.from(whole))).toBeUndefined();
            expect(await opens(whole)).toBe(false);
          }
        }
      }
    }
  });

  test("is refused in base64's alphabet, which a lenient decoder reads as the same bytes", () => {
    const part = Buffer.from([0xfb, 0xef, 0xff]).toString("base64url");
    expect(part).toBe("--__");
    for (const other of ["++__", "--//"]) {
      const token = [encode(plain), "", "AAAA", other, "A".repeat(22)];
      expect(readCompactJwe(Buffer.from(token.join(".")))).toBeUndefined();
      expect(readCompactJwe(Buffer.from(token.with(3, part).join(".")))).toBeDefined();
    }
  });

  test("opens only with the supported content encryption and IV length", async () => {
    expect(await opens(await sealWith(encode(plain), 16))).toBe(false);
    expect(await opens(await sealWith(encode(plain.replace("A256", "A128"))))).toBe(false);
  });

  test("is split into exactly its parts, for any lengths", () => {
    const bytes = fc.uint8Array({ maxLength: 60 });
    const tag = fc.uint8Array({ minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(bytes, bytes, bytes, tag, (encryptedKey, iv, content, end) => {
        const encoded = [encryptedKey, iv, content, end].map((part) =>
          Buffer.from(part).toString("base64url"),
        );
        const read = readCompactJwe(Buffer.from([encode(plain), ...encoded].join(".")));
        expect(read?.header).toEqual(JSON.parse(plain));
        expect(Buffer.from(read?.encryptedKey ?? [])).toEqual(Buffer.from(encryptedKey));
        expect(Buffer.from(read?.iv ?? [])).toEqual(Buffer.from(iv));
        expect(Buffer.from(read?.sealed ?? [])).toEqual(Buffer.concat([content, end]));
      }),
    );
  });
});

/** Returns a text that a lenient decoder reads as the same bytes. */
function withUnusedBit(part: string): string {
  const lenient = Buffer.from(part, "base64url");
  for (const last of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
    const other = part.slice(0, -1) + last;
    if (other !== part && Buffer.from(other, "base64url").equals(lenient)) return other;
  }
  throw new Error("no other ending");
}
