import { mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { SecretEntry } from "../../src/config/schema.js";
import { RefusedError } from "../../src/errors.js";
import type { SecretReleaseClient } from "../../src/secrets/client.js";
import { NativeSecretReleaseClient } from "../../src/secrets/native-client.js";
import { releaseSecrets, type ReleaseOptions } from "../../src/secrets/release.js";

let folder = "";
let secrets: [SecretEntry, SecretEntry];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-release-"));
  secrets = [entry("ModelKey", "model.key"), entry("ImageKey", "image.key")];
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

function entry(id: string, file: string): SecretEntry {
  const address = "https://vault.example";
  return { ID: id, SrsAddress: address, LocalPath: join(folder, file), ClientLib: "mhsm" };
}

/** Releases 32 bytes that differ by secret and call; fails for the named one. */
function client(options: { fails?: string; calls?: string[] } = {}): SecretReleaseClient {
  let count = 0;
  return {
    release: ({ ID: id }) => {
      count += 1;
      options.calls?.push(id);
      return id === options.fails
        ? Promise.reject(
            new RefusedError("RELEASE_REFUSED", {
              doing: `releasing ${id}`,
              expected: "a key",
              got: "a refusal",
              fix: "Do something",
            }),
          )
        : Promise.resolve({ key: Buffer.alloc(32, count), version: `v${count}` });
    },
  };
}

function release(part: Partial<ReleaseOptions>): ReturnType<typeof releaseSecrets> {
  return releaseSecrets({
    secrets,
    clientFor: () => client(),
    insideSgx: false,
    deadlineMs: 10_000,
    onReleased: () => {},
    ...part,
  });
}

describe("releasing secrets", () => {
  test("writes each key to its path, whole, for this user alone", async () => {
    const shared = client();
    const keys = await release({ clientFor: () => shared });
    const file = join(folder, "image.key");
    expect(await readFile(file)).toEqual(Buffer.alloc(32, 2));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(keys.get("ImageKey")).toEqual({ key: Buffer.alloc(32, 2), version: "v2" });
    expect((await readdir(folder)).sort()).toEqual(["image.key", "model.key"]);
  });

  test("throws away a key file that is already there and releases afresh", async () => {
    const calls: string[] = [];
    const shared = client({ calls });
    await writeFile(join(folder, "model.key"), Buffer.alloc(32, 0xee));
    const keys = await release({ clientFor: () => shared });
    expect(calls).toEqual(["ModelKey", "ImageKey"]);
    expect(keys.get("ModelKey")?.key).toEqual(Buffer.alloc(32, 1));
    expect(await readFile(join(folder, "model.key"))).toEqual(Buffer.alloc(32, 1));
  });

  test("has thrown old key files away before it asks for a new key", async () => {
    for (const { LocalPath } of secrets) await writeFile(LocalPath, Buffer.alloc(32, 0xee));
    const found: string[][] = [];
    const looking: SecretReleaseClient = {
      release: async () => {
        found.push(await readdir(folder));
        return { key: Buffer.alloc(32, 1) };
      },
    };
    await release({ clientFor: () => looking });
    expect(found).toEqual([[], ["model.key"]]);
  });

  test("leaves no key file where one release fails, old ones included", async () => {
    await writeFile(join(folder, "model.key"), Buffer.alloc(32, 0xee));
    await writeFile(join(folder, "image.key"), Buffer.alloc(32, 0xee));
    const shared = client({ fails: "ImageKey" });
    await expect(release({ clientFor: () => shared })).rejects.toMatchObject({
      code: "RELEASE_REFUSED",
    });
    expect(await readdir(folder)).toEqual([]);
  });

  test("wipes the keys that it holds where a later one fails", async () => {
    const first = Buffer.alloc(32, 7);
    const failing = client({ fails: "ImageKey" });
    const clientFor = (secret: SecretEntry): SecretReleaseClient =>
      secret.ID === "ModelKey" ? { release: () => Promise.resolve({ key: first }) } : failing;
    await expect(release({ clientFor })).rejects.toThrow();
    expect(first).toEqual(Buffer.alloc(32, 0));
  });

  test("keeps the deadline though a client ignores it", async () => {
    const hanging: SecretReleaseClient = { release: () => new Promise(() => {}) };
    await expect(release({ clientFor: () => hanging, deadlineMs: 20 })).rejects.toMatchObject({
      code: "RELEASE_TIMEOUT",
      message: expect.stringContaining("within 20 ms"),
    });
    expect(await readdir(folder)).toEqual([]);
  });

  test("names the path where a key file cannot be written, and leaves nothing behind", async () => {
    secrets[1] = { ...secrets[1], LocalPath: join(folder, "no-such-folder", "image.key") };
    await expect(release({})).rejects.toMatchObject({
      code: "KEY_FILE_FAILED",
      message: expect.stringContaining("no-such-folder"),
    });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("a key file that the TEE's runtime wrote", () => {
  const native = new NativeSecretReleaseClient();

  beforeEach(() => {
    secrets = [{ ...secrets[0], ClientLib: "libmhsm_ssr.so" }, secrets[1]];
  });

  function clientFor(secret: SecretEntry): SecretReleaseClient {
    return secret.ClientLib === "mhsm" ? client() : native;
  }

  test("counts under SGX for a native library's entry", async () => {
    await writeFile(join(folder, "model.key"), Buffer.alloc(32, 0xee));
    const keys = await release({ clientFor, insideSgx: true });
    expect(keys.get("ModelKey")?.key).toEqual(Buffer.alloc(32, 0xee));
  });

  test("does not count under SGX for the built-in client's entry", async () => {
    secrets[0] = { ...secrets[0], ClientLib: "mhsm" };
    await writeFile(join(folder, "model.key"), Buffer.alloc(32, 0xee));
    const keys = await release({ clientFor, insideSgx: true });
    expect(keys.get("ModelKey")?.key).toEqual(Buffer.alloc(32, 1));
  });

  test.each([0, 16, 31, 33, 64])("is refused at %i bytes", async (length) => {
    await writeFile(join(folder, "model.key"), Buffer.alloc(length, 0xee));
    await expect(release({ clientFor, insideSgx: true })).rejects.toMatchObject({
      code: "KEY_FILE_FAILED",
      message: expect.stringContaining(`${length} bytes`),
    });
    expect(await readdir(folder)).toEqual([]);
  });

  test("does not count elsewhere: the native library is asked, which this version cannot", async () => {
    await writeFile(join(folder, "model.key"), Buffer.alloc(32, 0xee));
    await expect(release({ clientFor })).rejects.toMatchObject({
      code: "CLIENT_UNSUPPORTED",
      message: expect.stringMatching(/ModelKey.*libmhsm_ssr\.so.*not supported yet/u),
    });
    expect(await readdir(folder)).toEqual([]);
  });
});
