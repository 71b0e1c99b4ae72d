import { createCipheriv, randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { RequestError } from "../../src/http/request-error.js";
import { LegacyUploads } from "../../src/http/legacy-uploads.js";
import { flat } from "../helpers/pictures.js";
import { evaluate, imageKeys, testApp } from "../helpers/test-app.js";
import { sealJwe } from "../../src/crypto/jwe.js";

function limited(maxDistinct: number, periodMs = 60_000) {
  const clock = { now: 0 };
  const uploads = new LegacyUploads({ maxDistinct, periodMs, now: () => clock.now });
  const ask = (address: string, text: string): "admitted" | { retryAfterSeconds: unknown } => {
    try {
      uploads.admit(address, Buffer.from(text));
      return "admitted";
    } catch (error) {
      if (!(error instanceof RequestError) || error.code !== "RATE_LIMITED") throw error;
      return { retryAfterSeconds: error.retryAfterSeconds };
    }
  };
  return { clock, ask };
}

describe("the limit for distinct .encrypted uploads", () => {
  test("refuses the next upload of an address until the period ends, and says when that is", () => {
    const { clock, ask } = limited(2, 60_000);
    expect([ask("10.0.0.1", "a"), ask("10.0.0.1", "b")]).toEqual(["admitted", "admitted"]);
    clock.now = 20_500;
    expect(ask("10.0.0.1", "c")).toEqual({ retryAfterSeconds: 40 });
    clock.now = 59_999;
    expect(ask("10.0.0.1", "c")).toEqual({ retryAfterSeconds: 1 });
    clock.now = 60_000;
    expect(ask("10.0.0.1", "c")).toBe("admitted");
  });

  test("does not count repeated uploads", () => {
    const { ask } = limited(1);
    const again = Array.from({ length: 50 }, () => ask("10.0.0.1", "a"));
    expect(new Set(again)).toEqual(new Set(["admitted"]));
    expect(ask("10.0.0.1", "b")).not.toBe("admitted");
    expect(ask("10.0.0.1", "a")).toBe("admitted");
  });

  test("is counted for each address", () => {
    const { ask } = limited(1);
    expect([ask("10.0.0.1", "a"), ask("10.0.0.2", "b")]).toEqual(["admitted", "admitted"]);
    expect(ask("10.0.0.2", "c")).not.toBe("admitted");
  });

  test("is off at 0", () => {
    const { ask } = limited(0);
    const all = Array.from({ length: 1000 }, (_, index) => ask("10.0.0.1", String(index)));
    expect(new Set(all)).toEqual(new Set(["admitted"]));
  });

  const manyAddresses = Array.from(
    { length: 1024 },
    (_, index) => `10.0.${Math.floor(index / 256)}.${index % 256}`,
  );

  test("is shared by all addresses beyond 1,024, which do not affect the first ones", () => {
    const { clock, ask } = limited(2);
    for (const address of manyAddresses) expect(ask(address, "a")).toBe("admitted");
    clock.now = 1;
    const others = ["11.0.0.1", "11.0.0.2", "11.0.0.3"].map((address) => ask(address, address));
    expect(others).toEqual(["admitted", "admitted", { retryAfterSeconds: 60 }]);
    expect(ask("10.0.0.0", "b")).toBe("admitted");
    expect(ask("10.0.0.0", "c")).not.toBe("admitted");
    clock.now = 60_000;
    expect(ask("11.0.0.4", "d")).toBe("admitted");
    expect(ask("11.0.0.4", "e")).toBe("admitted");
  });

  test("keeps at most 262,144 hashes, and has room again when periods end", () => {
    const { clock, ask } = limited(100_000);
    const networks = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    const admitted = networks.map((address) => {
      let count = 0;
      while (count < 100_000 && ask(address, String(count)) === "admitted") count += 1;
      return count;
    });
    expect(admitted).toEqual([100_000, 100_000, 62_144]);
    clock.now = 60_000;
    expect(ask("10.0.0.4", "a")).toBe("admitted");
  });

  test("counts an IPv6 /48 network as one address", () => {
    const { ask } = limited(1);
    expect(ask("2001:db8:1:2::1", "a")).toBe("admitted");
    expect(ask("2001:db8:1:3::1", "b")).not.toBe("admitted");
    expect(ask("2001:db8:2:2::1", "b")).toBe("admitted");
  });
});

describe("an application with the limit", () => {
  test("answers 429 to .encrypted uploads only, valid or not, before it decrypts them", async () => {
    const confml = await testApp({
      app: { legacyUploads: new LegacyUploads({ maxDistinct: 2, periodMs: 3_600_000 }) },
    });
    const picture = await flat("green").png().toBuffer();
    const cipher = createCipheriv("aes-256-cbc", imageKeys.Legacy, Buffer.alloc(16));
    const encrypted = Buffer.concat([cipher.update(picture), cipher.final()]);
    const name = "picture.png.encrypted";
    expect((await evaluate(confml, encrypted, { name })).status).toBe(200);
    expect((await evaluate(confml, randomBytes(160), { name })).status).toBe(422);
    const refused = await evaluate(confml, randomBytes(160), { name });
    expect([refused.status, refused.text]).toEqual([
      429,
      expect.stringMatching(/^RATE_LIMITED: expected at most 2 distinct \.encrypted uploads/u),
    ]);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(3590);
    expect((await evaluate(confml, encrypted, { name })).status).toBe(200);
    expect((await evaluate(confml, picture, { name: "picture.png" })).status).toBe(200);
    const jwe = Buffer.from(await sealJwe(imageKeys.First, picture, { kid: "First" }));
    expect((await evaluate(confml, jwe, { name: "x.jwe", accept: "*/*" })).status).toBe(200);
  });
});
