import { createCipheriv, generateKeyPairSync } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { CompactEncrypt, FlattenedEncrypt, decodeProtectedHeader } from "jose";
import { takeKey } from "../../src/crypto/aes-key.js";
import { openJwe, readKid, sealJwe } from "../../src/crypto/jwe.js";

const key = Buffer.alloc(32, 0x21);
const plaintext = Buffer.from("a picture");
const kept = await takeKey(Buffer.from(key), "jwe");

async function open(text: string): Promise<Uint8Array | undefined> {
  const made = Buffer.from(text);
  const opened = await openJwe(made, key);
  // The server's form of the key opens exactly the tokens that its bytes open.
  expect(await openJwe(made, kept)).toEqual(opened);
  return opened;
}

/** Creates a JWE with `alg` `dir`, any header and a valid tag, without jose, which refuses some headers. */
function sealDirectly(header: object, content: Buffer): string {
  const encoded = Buffer.from(JSON.stringify(header)).toString("base64url");
  const iv = Buffer.alloc(12, 7);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(encoded));
  const ciphertext = Buffer.concat([cipher.update(content), cipher.final()]);
  const parts = [Buffer.alloc(0), iv, ciphertext, cipher.getAuthTag()];
  return [encoded, ...parts.map((part) => part.toString("base64url"))].join(".");
}

function token(header: { alg: string; enc: string; kid?: string }, secret: Uint8Array = key) {
  return new CompactEncrypt(plaintext)
    .setProtectedHeader({ kid: "mine", ...header })
    .encrypt(secret);
}

describe("a JWE opens", () => {
  test.each(["dir", "A256KW"])("with %s and A256GCM", async (alg) => {
    const opened = await open(await token({ alg, enc: "A256GCM" }));
    expect(Buffer.from(opened ?? [])).toEqual(plaintext);
  });

  test("if sealJwe made it, for any content", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), async (content) => {
        const opened = await open(await sealJwe(key, content, { kid: "mine" }));
        expect(Buffer.from(opened ?? [1])).toEqual(Buffer.from(content));
      }),
      { numRuns: 50 },
    );
  });
});

describe("a JWE does not open", () => {
  test.each([
    ["A256GCMKW", "A256GCM", 32],
    ["A128KW", "A256GCM", 16],
    ["A192KW", "A256GCM", 24],
    ["A256KW", "A128GCM", 32],
    ["A256KW", "A192GCM", 32],
    ["A256KW", "A256CBC-HS512", 32],
    ["dir", "A128CBC-HS256", 32],
    ["PBES2-HS512+A256KW", "A256GCM", 32],
  ])("with %s and %s and a key of the right length", async (alg, enc, length) => {
    const secret = key.subarray(0, length);
    const made = Buffer.from(await token({ alg, enc }, secret));
    await expect(openJwe(made, secret)).resolves.toBeUndefined();
  });

  test("with RSA-OAEP", async () => {
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const made = await new CompactEncrypt(plaintext)
      .setProtectedHeader({ alg: "RSA-OAEP", enc: "A256GCM", kid: "mine" })
      .encrypt(publicKey);
    await expect(open(made)).resolves.toBeUndefined();
  });

  test("with a key of another length", async () => {
    const made = Buffer.from(await token({ alg: "dir", enc: "A256GCM" }));
    for (const length of [0, 16, 31, 33, 64]) {
      await expect(openJwe(made, Buffer.alloc(length, 0x21))).resolves.toBeUndefined();
    }
  });

  test.each(["dir", "A256KW"])("with a shorter tag or another IV length (%s)", async (alg) => {
    const made = await token({ alg, enc: "A256GCM" });
    const [header = "", wrapped = "", iv = "", ciphertext = "", tag = ""] = made.split(".");
    for (const changed of [
      [header, wrapped, iv, ciphertext, tag.slice(0, 16)],
      [header, wrapped, iv, ciphertext, ""],
      [header, wrapped, iv.slice(0, 8), ciphertext, tag],
      [header, wrapped, "", ciphertext, tag],
      [header, wrapped === "" ? "AAAA" : "", iv, ciphertext, tag],
      [header, wrapped, iv, ciphertext, tag, "", ""],
    ]) {
      await expect(open(changed.join("."))).resolves.toBeUndefined();
    }
  });

  test("with compressed content, although its tag is valid", async () => {
    const header = { alg: "dir", enc: "A256GCM", kid: "mine" };
    // Without `zip` the same token opens.
    const opened = await open(sealDirectly(header, plaintext));
    expect(Buffer.from(opened ?? [])).toEqual(plaintext);
    const zipped = sealDirectly({ ...header, zip: "DEF" }, deflateRawSync(plaintext));
    await expect(open(zipped)).resolves.toBeUndefined();
  });

  test("under another key", async () => {
    const foreign = await token({ alg: "dir", enc: "A256GCM" }, Buffer.alloc(32, 9));
    await expect(open(foreign)).resolves.toBeUndefined();
  });

  test("with an unknown critical header", async () => {
    const critical = await new CompactEncrypt(plaintext)
      .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: "mine", crit: ["x"], x: 1 })
      .encrypt(key, { crit: { x: true } });
    await expect(open(critical)).resolves.toBeUndefined();
  });

  test.each(["dir", "A256KW"])("with any character changed (%s)", async (alg) => {
    const made = await token({ alg, enc: "A256GCM" });
    for (let at = 0; at < made.length; at += 1) {
      if (made[at] === ".") continue;
      const character = made[at] === "B" ? "C" : "B";
      const changed = `${made.slice(0, at)}${character}${made.slice(at + 1)}`;
      await expect(open(changed)).resolves.toBeUndefined();
    }
  });

  test.each(["", ".", "....", "a.b.c", "a.b.c.d.e", "a.b.c.d.e.f", "{}"])(
    "from %j",
    async (text) => {
      await expect(open(text)).resolves.toBeUndefined();
    },
  );

  test("in the JSON serialisation", async () => {
    const json = await new FlattenedEncrypt(plaintext)
      .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: "mine" })
      .encrypt(key);
    await expect(open(JSON.stringify(json))).resolves.toBeUndefined();
  });
});

describe("a token's kid", () => {
  test("is the one that its header names", async () => {
    const named = await token({ alg: "dir", enc: "A256GCM", kid: "other" });
    expect(readKid(Buffer.from(named))).toBe("other");
  });

  test.each([{}, { kid: 7 }, { kid: null }, { kid: ["mine"] }])(
    "is undefined for the header %j",
    (header) => {
      const made = sealDirectly({ alg: "dir", enc: "A256GCM", ...header }, plaintext);
      expect(readKid(Buffer.from(made))).toBeUndefined();
    },
  );

  test("is not required for opening it", async () => {
    const opened = await open(sealDirectly({ alg: "dir", enc: "A256GCM" }, plaintext));
    expect(Buffer.from(opened ?? [])).toEqual(plaintext);
  });
});

describe("a sealed answer", () => {
  test("that the server sealed opens with the key's bytes", async () => {
    const sealed = await sealJwe(kept, plaintext, { kid: "mine" });
    const opened = await openJwe(Buffer.from(sealed), key);
    expect(Buffer.from(opened ?? [])).toEqual(plaintext);
  });

  test("names its key and content type, and has a new content key each time", async () => {
    const first = await sealJwe(key, plaintext, { kid: "mine", cty: "json" });
    const second = await sealJwe(key, plaintext, { kid: "mine", cty: "json" });
    expect(decodeProtectedHeader(first)).toEqual({
      alg: "A256KW",
      enc: "A256GCM",
      kid: "mine",
      cty: "json",
    });
    const parts = [first, second].map((made) => made.split("."));
    expect(parts[0]?.[1]).not.toBe(parts[1]?.[1]);
    expect(parts[0]?.[2]).not.toBe(parts[1]?.[2]);
  });
});
