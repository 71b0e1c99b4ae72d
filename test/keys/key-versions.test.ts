import { randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { takeKey } from "../../src/crypto/aes-key.js";
import { KeyVersions, type KeyVersion } from "../../src/keys/key-versions.js";

const graceMs = 1000;

function versions(): { keys: KeyVersions; clock: { now: number } } {
  const clock = { now: 5 };
  return { keys: new KeyVersions({ graceMs, now: () => clock.now }), clock };
}

async function version(name: string | undefined, bytes = randomBytes(32)): Promise<KeyVersion> {
  return { key: await takeKey(Buffer.from(bytes), "jwe"), version: name };
}

function names(keys: KeyVersions): (string | undefined)[] {
  return keys.live().map(({ version: name }) => name);
}

describe("a secret's versions", () => {
  test("are none before the first release", () => {
    const { keys } = versions();
    expect([keys.current, keys.live()]).toEqual([undefined, []]);
  });

  test("do not change when the same key is released again", async () => {
    const { keys } = versions();
    const bytes = randomBytes(32);
    expect(keys.accept(await version("1", bytes))).toBe("first");
    expect(keys.accept(await version("1", bytes))).toBe("unchanged");
    expect(names(keys)).toEqual(["1"]);
  });

  test("keep a replaced key until the end of its grace time, and no longer", async () => {
    const { keys, clock } = versions();
    keys.accept(await version("1"));
    expect(keys.accept(await version("2"))).toBe("rotated");
    clock.now += graceMs - 1;
    expect(names(keys)).toEqual(["2", "1"]);
    clock.now += 1;
    expect(names(keys)).toEqual(["2"]);
  });

  test("have a grace time each", async () => {
    const { keys, clock } = versions();
    keys.accept(await version("1"));
    keys.accept(await version("2"));
    clock.now += 600;
    keys.accept(await version("3"));
    expect(names(keys)).toEqual(["3", "2", "1"]);
    clock.now += 600;
    expect(names(keys)).toEqual(["3", "2"]);
  });

  test("are dropped at once if the grace time is 0", async () => {
    const keys = new KeyVersions({ graceMs: 0, now: () => 0 });
    keys.accept(await version("1"));
    keys.accept(await version("2"));
    expect(names(keys)).toEqual(["2"]);
  });

  test("detect a rotation by the key if versions have no names", async () => {
    const { keys } = versions();
    const bytes = randomBytes(32);
    keys.accept(await version(undefined, bytes));
    expect(keys.accept(await version(undefined, bytes))).toBe("unchanged");
    expect(keys.accept(await version(undefined))).toBe("rotated");
    expect(keys.live()).toHaveLength(2);
  });

  test("treat another key under the same version name as a rotation", async () => {
    const { keys } = versions();
    keys.accept(await version("1"));
    expect(keys.accept(await version("1"))).toBe("rotated");
  });

  test("may return to a former key, which is then listed once", async () => {
    const { keys } = versions();
    const bytes = randomBytes(32);
    keys.accept(await version("1", bytes));
    keys.accept(await version("2"));
    expect(keys.accept(await version("1", bytes))).toBe("rotated");
    expect(names(keys)).toEqual(["1", "2"]);
  });

  test("are never more than nine", async () => {
    const { keys } = versions();
    for (let count = 0; count < 20; count += 1) keys.accept(await version(String(count)));
    expect(names(keys)).toEqual(["19", "18", "17", "16", "15", "14", "13", "12", "11"]);
  });

  test("always start with the last accepted key, and list no key twice", async () => {
    const pool = await Promise.all([1, 2, 3, 4].map((name) => version(String(name))));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 700 })), {
          minLength: 1,
        }),
        (steps) => {
          const { keys, clock } = versions();
          for (const [which, waitMs] of steps) {
            clock.now += waitMs;
            const next = pool[which];
            if (next === undefined) throw new Error("no such version");
            keys.accept(next);
            expect(names(keys)[0]).toBe(next.version);
            expect(new Set(names(keys)).size).toBe(keys.live().length);
          }
        },
      ),
    );
  });
});
