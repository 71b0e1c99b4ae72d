import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { SecretEntry } from "../../src/config/schema.js";
import { takeKey } from "../../src/crypto/aes-key.js";
import { BootError } from "../../src/errors.js";
import type { SecretReleaseClient } from "../../src/secrets/client.js";
import { ImageKeys } from "../../src/keys/image-keys.js";
import { KeyRegister } from "../../src/keys/key-register.js";
import { KeyRefresher } from "../../src/secrets/key-refresher.js";

let folder = "";
let keys: ImageKeys;
let register: KeyRegister;
let refresher: KeyRefresher;
let failures: string[];

/** A buffer of its own: whoever takes it wipes it. */
function firstKey(id: string): Buffer {
  return Buffer.alloc(32, id);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-refresh-"));
  keys = await ImageKeys.create({ ids: ["Alice", "Bob"], graceMs: 60_000 });
  register = new KeyRegister();
  failures = [];
  for (const id of ["Alice", "Bob"]) {
    const key = await takeKey(firstKey(id), "jwe");
    register.claim(id, key);
    keys.accept(id, { key, version: "1" });
  }
});

afterEach(async () => {
  await refresher.stop();
  await rm(folder, { recursive: true });
});

type Release = SecretReleaseClient["release"];

/** Starts refreshing; `next` settles with what the next refreshes came to. */
function start(release: Release, { intervalMs = 1, deadlineMs = 10_000 } = {}) {
  const seen: string[] = [];
  const waiting: { count: number; resolve: (seen: string[]) => void }[] = [];
  const secrets = ["Alice", "Bob"].map((id): SecretEntry => ({
    ID: id,
    SrsAddress: "https://vault.example",
    LocalPath: join(folder, `${id}.key`),
    ClientLib: "mhsm",
  }));
  refresher = new KeyRefresher({
    secrets,
    keys,
    release: {
      clientFor: () => ({ release }),
      insideSgx: false,
      useOf: () => "jwe",
      register,
      deadlineMs,
      onReleased: () => undefined,
      onRetry: () => undefined,
      onFailed: ({ ID: id }, error) => {
        failures.push(`${id} ${error instanceof BootError ? error.code : String(error)}`);
      },
    },
    intervalMs,
    onRefreshed: ({ ID: id }, outcome) => {
      seen.push(`${id} ${outcome}`);
      for (const { count, resolve } of waiting) if (seen.length >= count) resolve([...seen]);
    },
  });
  refresher.start();
  return {
    seen,
    after: (count: number): Promise<string[]> =>
      new Promise((resolve) => {
        waiting.push({ count, resolve });
      }),
  };
}

const unchanged: Release = ({ ID: id }) => Promise.resolve({ key: firstKey(id), version: "1" });

function states(): string[] {
  return keys.statuses().map(({ id, state, version }) => `${id} ${state} ${String(version)}`);
}

describe("a key refresh", () => {
  test("accepts a new version, and replaces the key file", async () => {
    const { after } = start((secret, context) =>
      secret.ID === "Alice"
        ? Promise.resolve({ key: Buffer.alloc(32, 2), version: "2" })
        : unchanged(secret, context),
    );
    const seen = await after(4);
    expect(seen.filter((text) => text.startsWith("Alice")).slice(0, 2)).toEqual([
      "Alice rotated",
      "Alice unchanged",
    ]);
    expect(states()).toEqual(["Alice current 2", "Bob current 1"]);
    expect(keys.candidates("Alice").length).toBe(2);
    expect(await readFile(join(folder, "Alice.key"))).toEqual(Buffer.alloc(32, 2));
  });

  test("keeps the old key if it fails, until the next success", async () => {
    let isDown = true;
    const { after, seen } = start(async (secret, context) => {
      if (isDown) throw new Error("down");
      return unchanged(secret, context);
    });
    await after(2);
    expect(states()).toEqual(["Alice stale 1", "Bob stale 1"]);
    isDown = false;
    const mended = seen.length + 4;
    await after(mended);
    expect(states()).toEqual(["Alice current 1", "Bob current 1"]);
  });

  test("refuses a key that is, or was, another secret's, and keeps the old one", async () => {
    let round = 0;
    const { after } = start(async (secret, context) => {
      if (secret.ID === "Alice") return { key: Buffer.alloc(32, 7), version: "2" };
      round += 1;
      // Bob's vault first brings Alice's key of before its rotation, then the one of after it.
      if (round < 3) return unchanged(secret, context);
      return { key: round % 2 === 0 ? firstKey("Alice") : Buffer.alloc(32, 7), version: "9" };
    });
    const seen = await after(14);
    expect(seen.filter((text) => text.startsWith("Bob")).slice(0, 5)).toEqual([
      "Bob unchanged",
      "Bob unchanged",
      "Bob failed",
      "Bob failed",
      "Bob failed",
    ]);
    expect(states()).toEqual(["Alice current 2", "Bob stale 1"]);
    expect(await readFile(join(folder, "Bob.key"))).toEqual(firstKey("Bob"));
    expect(new Set(failures)).toEqual(new Set(["Bob KEY_REUSED"]));
  });

  test("of one owner does not wait for another owner's vault", async () => {
    const { after } = start(
      (secret, context) =>
        secret.ID === "Alice" ? new Promise(() => undefined) : unchanged(secret, context),
      { deadlineMs: 3_600_000 },
    );
    expect(await after(3)).toEqual(["Bob unchanged", "Bob unchanged", "Bob unchanged"]);
  });

  test("fails at the deadline", async () => {
    const { after } = start(() => new Promise(() => undefined), { deadlineMs: 20 });
    expect((await after(2)).sort()).toEqual(["Alice failed", "Bob failed"]);
  });

  test("never happens at an interval of 0", async () => {
    let calls = 0;
    start(
      async (secret, context) => {
        calls += 1;
        return unchanged(secret, context);
      },
      { intervalMs: 0 },
    );
    await refresher.stop();
    expect(calls).toBe(0);
  });

  test("is aborted when the server stops: no key file is written, and no failure is reported", async () => {
    let begun = (): void => undefined;
    const isUnderWay = new Promise<void>((resolve) => {
      begun = resolve;
    });
    let deliver = (): void => undefined;
    const late = Buffer.alloc(32, 3);
    const { seen } = start(() => {
      begun();
      return new Promise((resolve) => {
        deliver = () => {
          resolve({ key: late, version: "3" });
        };
      });
    });
    await isUnderWay;
    await refresher.stop();
    deliver();
    await new Promise(setImmediate);
    expect([seen, await readdir(folder), states()[0]]).toEqual([[], [], "Alice current 1"]);
    expect(late).toEqual(Buffer.alloc(32));
  });
});
