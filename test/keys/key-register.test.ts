import { createHash, randomBytes } from "node:crypto";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { takeKey, type KeyUse } from "../../src/crypto/aes-key.js";
import { KeyRegister } from "../../src/keys/key-register.js";

let register: KeyRegister;

beforeEach(() => {
  register = new KeyRegister();
});

async function claim(id: string, text: string, use: KeyUse = "jwe"): Promise<void> {
  register.claim(id, await takeKey(createHash("sha256").update(text).digest(), use));
}

describe("the register of released keys", () => {
  test("accepts any number of different keys, and the same key of the same secret again", async () => {
    for (const id of ["Model", "Data", "Seal"]) {
      for (const version of [1, 2, 3]) await claim(id, `${id} ${version}`);
    }
    for (const version of [3, 1, 2])
      await expect(claim("Data", `Data ${version}`)).resolves.not.toThrow();
  });

  test.each<[KeyUse, KeyUse]>([
    ["cbc", "jwe"],
    ["jwe", "cbc"],
    ["jwe", "jwe"],
    ["none", "jwe"],
  ])("refuses a key for %s that is another secret's for %s, and names both", async (one, other) => {
    await claim("First", "same", one);
    await expect(claim("Second", "same", other)).rejects.toMatchObject({
      code: "KEY_REUSED",
      message: expect.stringMatching(/Second.*the same bytes as First's/u),
    });
  });

  test("refuses a key that was another secret's, however long ago", async () => {
    await claim("First", "old");
    for (let version = 0; version < 100; version += 1) await claim("First", `new ${version}`);
    await expect(claim("Second", "old")).rejects.toMatchObject({ code: "KEY_REUSED" });
  });

  test("does not give a refused key to the secret that brought it", async () => {
    await claim("First", "a");
    await expect(claim("Second", "a")).rejects.toThrow("First");
    await expect(claim("First", "a")).resolves.not.toThrow();
  });

  test("remembers the newest 1,024 keys of a secret, so that a vault cannot fill the memory", async () => {
    const keys = Array.from({ length: 1025 }, () => randomBytes(32));
    for (const key of keys) register.claim("First", await takeKey(Uint8Array.from(key), "jwe"));
    const [oldest, second] = await Promise.all(
      keys.slice(0, 2).map((key) => takeKey(Uint8Array.from(key), "jwe")),
    );
    if (oldest === undefined || second === undefined) throw new Error("no keys");
    expect(() => {
      register.claim("Second", second);
    }).toThrow("the same bytes");
    expect(() => {
      register.claim("Second", oldest);
    }).not.toThrow();
  });

  test("does not forget an old key because a newer one is claimed again and again", async () => {
    await claim("First", "old");
    const current = await takeKey(randomBytes(32), "jwe");
    for (let refresh = 0; refresh < 1100; refresh += 1) register.claim("First", current);
    await expect(claim("Second", "old")).rejects.toMatchObject({ code: "KEY_REUSED" });
  });

  test("does not forget a key to which its secret has returned", async () => {
    const first = await takeKey(Buffer.alloc(32, 1), "jwe");
    register.claim("First", first);
    for (let version = 0; version < 1023; version += 1) await claim("First", String(version));
    register.claim("First", first);
    await claim("First", "one more");
    const again = await takeKey(Buffer.alloc(32, 1), "cbc");
    expect(() => {
      register.claim("Second", again);
    }).toThrow("the same bytes");
  });

  test("does not repeat the bytes in its error", async () => {
    const bytes = randomBytes(32);
    register.claim("First", await takeKey(Uint8Array.from(bytes), "jwe"));
    const key = await takeKey(Uint8Array.from(bytes), "cbc");
    let message = "";
    try {
      register.claim("Second", key);
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain("First");
    for (const form of ["hex", "base64", "base64url"] as const) {
      expect(message).not.toContain(bytes.toString(form).slice(0, 16));
    }
  });
});
