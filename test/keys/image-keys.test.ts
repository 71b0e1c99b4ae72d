import { createHash } from "node:crypto";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { takeKey, type AesKey, type KeyUse } from "../../src/crypto/aes-key.js";
import { ImageKeys } from "../../src/keys/image-keys.js";

let clock: { now: number };
let keys: ImageKeys;

beforeEach(async () => {
  clock = { now: 0 };
  keys = await ImageKeys.create({
    ids: ["Alice", "Carol"],
    legacyId: "Bob",
    sealId: "Dora",
    graceMs: 1000,
    now: () => clock.now,
  });
});

function key(name: string, use: KeyUse = name.startsWith("Bob/") ? "cbc" : "jwe"): Promise<AesKey> {
  return takeKey(createHash("sha256").update(name).digest(), use);
}

async function accept(id: string, version: string): Promise<void> {
  keys.accept(id, { key: await key(`${id}/${version}`), version });
}

/** Which of the known keys would be tried for a name, in order; decoys as "-". */
async function tried(candidates: readonly { key: AesKey }[]): Promise<string[]> {
  const known = ["Alice/1", "Alice/2", "Bob/1", "Bob/2", "Bob/3", "Dora/1", "Dora/2"];
  const made = await Promise.all(known.map(async (name) => ({ name, key: await key(name) })));
  return candidates.map(
    (candidate) => made.find((one) => one.key.equals(candidate.key))?.name ?? "-",
  );
}

describe("a JWE's kid", () => {
  test("that is a secret's ID selects its current version, then the one before it", async () => {
    await accept("Alice", "1");
    await accept("Alice", "2");
    expect(await tried(keys.candidates("Alice"))).toEqual(["Alice/2", "Alice/1"]);
    clock.now = 1000;
    expect(await tried(keys.candidates("Alice"))).toEqual(["Alice/2"]);
  });

  test("that is ID/version selects only that version", async () => {
    await accept("Alice", "1");
    await accept("Alice", "2");
    expect(await tried(keys.candidates("Alice/1"))).toEqual(["Alice/1", "-"]);
    expect(await tried(keys.candidates("Alice/2"))).toEqual(["Alice/2", "-"]);
    clock.now = 1000;
    expect(await tried(keys.candidates("Alice/1"))).toEqual(["-"]);
  });

  test.each([
    "Mallory",
    "alice",
    "",
    "/",
    "Alice/",
    "Alice/9",
    "Alice/1/",
    "Alice/1/2",
    "Carol",
    "Bob",
    "Bob/1",
    "Dora",
    "Dora/1",
  ])("%j names no key, and as many keys are tried as for any other name", async (kid) => {
    await accept("Alice", "1");
    await accept("Bob", "1");
    await accept("Bob", "2");
    await accept("Dora", "1");
    expect(await tried(keys.candidates(kid))).toEqual(["-", "-"]);
    expect(keys.candidates("Alice")).toHaveLength(2);
  });

  test("never selects another owner's key", async () => {
    await accept("Alice", "1");
    await accept("Bob", "1");
    for (const kid of ["Alice", "Alice/1"]) {
      expect(await tried(keys.candidates(kid))).toEqual(["Alice/1"]);
    }
  });
});

describe("an upload that names no key", () => {
  test("is tried only with the legacy owner's versions", async () => {
    await accept("Alice", "1");
    await accept("Bob", "1");
    await accept("Bob", "2");
    await accept("Bob", "3");
    expect(await tried(keys.legacyCandidates())).toEqual(["Bob/3", "Bob/2", "Bob/1"]);
  });

  test("is tried with a decoy if the owner's key was not released", async () => {
    await accept("Alice", "1");
    expect(await tried(keys.legacyCandidates())).toEqual(["-"]);
  });
});

describe("an owner's key", () => {
  test("is missing, current or stale", async () => {
    await accept("Alice", "1");
    await accept("Bob", "1");
    keys.fail("Bob");
    keys.fail("Carol");
    expect(keys.statuses()).toEqual([
      { id: "Alice", state: "current", version: "1" },
      { id: "Carol", state: "missing", version: undefined },
      { id: "Dora", state: "missing", version: undefined },
      { id: "Bob", state: "stale", version: "1" },
    ]);
    for (const id of ["Bob", "Carol", "Dora"]) await accept(id, "1");
    expect(new Set(keys.statuses().map(({ state }) => state))).toEqual(new Set(["current"]));
  });

  test("that is stale still opens images", async () => {
    await accept("Alice", "1");
    keys.fail("Alice");
    expect(await tried(keys.candidates("Alice"))).toEqual(["Alice/1"]);
  });

  test("is refused for a secret that is not configured", async () => {
    const stranger = { key: await key("x"), version: "1" };
    expect(() => keys.accept("Mallory", stranger)).toThrow("Mallory is no data owner's secret");
    expect(() => {
      keys.fail("Mallory");
    }).toThrow("Mallory is no data owner's secret");
  });

  test.each([
    ["Alice", "cbc"],
    ["Alice", "none"],
    ["Bob", "jwe"],
    ["Bob", "none"],
    ["Dora", "cbc"],
  ] as const)("of %s is refused if it was made for %s", async (id, use) => {
    const released = { key: await key("x", use), version: "1" };
    expect(() => keys.accept(id, released)).toThrow("its key is for another use");
  });
});

describe("answers to .encrypted uploads", () => {
  test("are sealed under the newest key of the secret that is for them", async () => {
    expect(keys.sealKey()).toBeUndefined();
    await accept("Dora", "1");
    await accept("Dora", "2");
    const seal = keys.sealKey();
    expect(await tried(seal === undefined ? [] : [seal])).toEqual(["Dora/2"]);
    expect(seal?.id).toBe("Dora");
  });

  test("are not sealed if no secret is configured for them", async () => {
    const plain = await ImageKeys.create({ ids: ["Alice"], legacyId: "Bob", graceMs: 1000 });
    expect(plain.sealKey()).toBeUndefined();
  });

  test("may be sealed under a key that opens uploads, but not under that of .encrypted uploads", async () => {
    const both = await ImageKeys.create({ ids: ["Alice"], sealId: "Alice", graceMs: 1000 });
    both.accept("Alice", { key: await key("Alice/1"), version: "1" });
    expect(await tried(both.candidates("Alice"))).toEqual(["Alice/1"]);
    expect(both.sealKey()?.id).toBe("Alice");
    for (const roles of [{ ids: ["Bob"] }, { ids: ["Alice"], sealId: "Bob" }]) {
      await expect(ImageKeys.create({ ...roles, legacyId: "Bob", graceMs: 1 })).rejects.toThrow(
        "Bob is for .encrypted uploads",
      );
    }
  });
});
