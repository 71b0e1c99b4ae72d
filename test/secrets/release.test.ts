import { mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { SecretEntry } from "../../src/config/schema.js";
import { CbcKey, JweKey } from "../../src/crypto/aes-key.js";
import { RefusedError } from "../../src/errors.js";
import type { SecretReleaseClient } from "../../src/secrets/client.js";
import { removeKeyFiles } from "../../src/secrets/key-file.js";
import { KeyRegister } from "../../src/keys/key-register.js";
import type { KeyVersion } from "../../src/keys/key-versions.js";
import { releaseAll, type ReleasedKeys, type SecretRoles } from "../../src/secrets/release.js";
import type { ReleaseOptions } from "../../src/secrets/release-key.js";

let folder = "";
let model: SecretEntry;
let alice: SecretEntry;
let bob: SecretEntry;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-release-"));
  [model, alice, bob] = [entry("Model"), entry("Alice"), entry("Bob")];
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

function entry(id: string): SecretEntry {
  const address = "https://vault.example";
  return { ID: id, SrsAddress: address, LocalPath: join(folder, `${id}.key`), ClientLib: "mhsm" };
}

const fill: Readonly<Record<string, number>> = { Model: 1, Alice: 2, Bob: 3 };

function bytesOf(id: string): Buffer {
  return Buffer.alloc(32, fill[id]);
}

function refused(id: string): RefusedError {
  return new RefusedError("RELEASE_REFUSED", {
    doing: `releasing ${id}`,
    expected: "a key",
    got: "a refusal",
    fix: "Do something",
  });
}

/** Releases each secret's bytes but for those named, and keeps what it handed out. */
class Client implements SecretReleaseClient {
  readonly handedOut: Buffer[] = [];
  readonly #fails: readonly string[];

  constructor(...fails: string[]) {
    this.#fails = fails;
  }

  release({ ID: id }: SecretEntry): ReturnType<SecretReleaseClient["release"]> {
    if (this.#fails.includes(id)) return Promise.reject(refused(id));
    const key = bytesOf(id);
    this.handedOut.push(key);
    return Promise.resolve({ key, version: `${id}-1` });
  }
}

const hanging: SecretReleaseClient = { release: () => new Promise(() => undefined) };

interface Told {
  released: string[];
  failed: string[];
}

async function release(
  part: Partial<ReleaseOptions> = {},
  roles: Partial<SecretRoles> = { required: [model], owners: [alice, bob] },
): Promise<Told & { keys: ReleasedKeys }> {
  const told: Told = { released: [], failed: [] };
  const client = new Client();
  const keys = await releaseAll(
    { required: [], owners: [], optional: [], ...roles },
    {
      clientFor: () => client,
      insideSgx: false,
      useOf: () => "cbc",
      register: new KeyRegister(),
      deadlineMs: 10_000,
      onReleased: ({ ID: id }, { source }) => told.released.push(`${id} ${source}`),
      onRetry: () => undefined,
      onFailed: ({ ID: id }) => told.failed.push(id),
      ...part,
    },
  );
  return { ...told, keys };
}

function revealed(released: KeyVersion | undefined): Buffer | undefined {
  return released?.key instanceof CbcKey ? released.key.secret.export() : undefined;
}

async function filesLeft(): Promise<string[]> {
  return (await readdir(folder)).sort();
}

describe("releasing secrets", () => {
  test("writes each key to its path, readable by this user only", async () => {
    const { keys, released } = await release();
    const file = join(folder, "Alice.key");
    expect(await readFile(file)).toEqual(bytesOf("Alice"));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(revealed(keys.get("Alice"))).toEqual(bytesOf("Alice"));
    expect(keys.get("Alice")?.version).toBe("Alice-1");
    expect(await filesLeft()).toEqual(["Alice.key", "Bob.key", "Model.key"]);
    expect(released.sort()).toEqual(["Alice client", "Bob client", "Model client"]);
  });

  test("wipes the bytes that a client returned", async () => {
    const client = new Client();
    await release({ clientFor: () => client });
    expect(client.handedOut).toEqual([Buffer.alloc(32), Buffer.alloc(32), Buffer.alloc(32)]);
  });

  test("requests all keys in parallel", async () => {
    let asked = 0;
    let allAsked = (): void => undefined;
    const everybody = new Promise<void>((resolve) => {
      allAsked = resolve;
    });
    const client: SecretReleaseClient = {
      release: async ({ ID: id }) => {
        asked += 1;
        if (asked === 3) allAsked();
        await everybody;
        return { key: bytesOf(id) };
      },
    };
    expect((await release({ clientFor: () => client })).keys.size).toBe(3);
  });

  test("deletes an existing key file before it requests a new key", async () => {
    for (const { LocalPath } of [model, alice, bob]) {
      await writeFile(LocalPath, Buffer.alloc(32, 0xee));
    }
    const found: string[][] = [];
    const client: SecretReleaseClient = {
      release: async ({ ID: id }) => {
        found.push(await filesLeft());
        return { key: bytesOf(id) };
      },
    };
    await release({ clientFor: () => client }, { required: [model], owners: [alice] });
    expect(found[0]).toEqual(["Bob.key"]);
    expect(await readFile(model.LocalPath)).toEqual(bytesOf("Model"));
  });

  test("deletes a temporary key file of a crash, also if no new key file is written", async () => {
    for (const id of ["Model", "Alice"]) {
      await writeFile(join(folder, `.${id}.key.confml-new`), bytesOf(id));
    }
    const client = new Client("Alice");
    await release({ clientFor: () => client });
    expect(await filesLeft()).toEqual(["Bob.key", "Model.key"]);
  });

  test("does not write through a symbolic link at the path", async () => {
    const target = join(folder, "elsewhere");
    await symlink(target, join(folder, ".Model.key.confml-new"));
    await symlink(target, model.LocalPath);
    await release();
    expect(await filesLeft()).toEqual(["Alice.key", "Bob.key", "Model.key"]);
    expect((await stat(model.LocalPath)).isFile()).toBe(true);
  });
});

describe("a key that is not released", () => {
  test("of one data owner disables only that owner", async () => {
    await writeFile(alice.LocalPath, Buffer.alloc(32, 0xee));
    const client = new Client("Alice");
    const { keys, failed } = await release({ clientFor: () => client });
    expect([...keys.keys()].sort()).toEqual(["Bob", "Model"]);
    expect(failed).toEqual(["Alice"]);
    expect(await filesLeft()).toEqual(["Bob.key", "Model.key"]);
  });

  test.each([
    ["the model's", ["Model"], "Model"],
    ["every owner's", ["Alice", "Bob"], "Bob"],
  ])(
    "%s, stops the boot, and no key file is left, old ones included",
    async (_whose, fails, last) => {
      for (const { LocalPath } of [model, alice, bob]) {
        await writeFile(LocalPath, Buffer.alloc(32, 0xee));
      }
      const client = new Client(...fails);
      const attempt = release({ clientFor: () => client });
      await expect(attempt).rejects.toMatchObject({
        code: "RELEASE_REFUSED",
        message: expect.stringContaining(`releasing ${last}`),
      });
      expect(await filesLeft()).toEqual([]);
      expect(client.handedOut.every((key) => key.equals(Buffer.alloc(32)))).toBe(true);
    },
  );

  test("aborts the other releases at once, if it stops the boot", async () => {
    const refusing = new Client("Model");
    const clientFor = ({ ID: id }: SecretEntry): SecretReleaseClient =>
      id === "Model" ? refusing : hanging;
    const failed: string[] = [];
    const attempt = release({
      clientFor,
      deadlineMs: 3_600_000,
      onFailed: ({ ID: id }) => failed.push(id),
    });
    await expect(attempt).rejects.toMatchObject({ code: "RELEASE_REFUSED" });
    expect(failed).toEqual(["Model"]);
  });

  test("in time, because a client ignores its deadline, is not waited for", async () => {
    const attempt = release({ clientFor: () => hanging, deadlineMs: 20 });
    await expect(attempt).rejects.toMatchObject({
      code: "RELEASE_TIMEOUT",
      message: expect.stringMatching(/within 20 ms.*still waiting for an answer/u),
    });
    expect(await filesLeft()).toEqual([]);
  });

  test("in time, because one owner's vault hangs, does not stop the others", async () => {
    const client = new Client();
    const clientFor = ({ ID: id }: SecretEntry): SecretReleaseClient =>
      id === "Alice" ? hanging : client;
    const { keys, failed } = await release({ clientFor, deadlineMs: 50 });
    expect([...keys.keys()].sort()).toEqual(["Bob", "Model"]);
    expect(failed).toEqual(["Alice"]);
  });

  test("in time is wiped when it arrives, and not written", async () => {
    const late = Buffer.alloc(32, 9);
    let deliver = (): void => undefined;
    const client: SecretReleaseClient = {
      release: () =>
        new Promise((resolve) => {
          deliver = () => {
            resolve({ key: late });
          };
        }),
    };
    const attempt = release(
      { clientFor: () => client, deadlineMs: 20 },
      { required: [model], owners: [] },
    );
    await expect(attempt).rejects.toMatchObject({ code: "RELEASE_TIMEOUT" });
    deliver();
    await new Promise(setImmediate);
    expect(late).toEqual(Buffer.alloc(32));
    expect(await filesLeft()).toEqual([]);
  });

  test("because its file cannot be written names the path and leaves nothing behind", async () => {
    model = { ...model, LocalPath: join(folder, "no-such-folder", "model.key") };
    const client = new Client();
    await expect(release({ clientFor: () => client })).rejects.toMatchObject({
      code: "KEY_FILE_FAILED",
      message: expect.stringContaining("no-such-folder"),
    });
    expect(await filesLeft()).toEqual([]);
    expect(client.handedOut.every((key) => key.equals(Buffer.alloc(32)))).toBe(true);
  });
});

describe("two secrets with the same bytes", () => {
  const twins = (...ids: string[]): SecretReleaseClient => ({
    release: ({ ID: id }) =>
      Promise.resolve({ key: ids.includes(id) ? Buffer.alloc(32, 0xaa) : bytesOf(id) }),
  });

  test.each([
    ["two owners'", "Alice", "Bob"],
    ["the model's and an owner's", "Model", "Bob"],
  ])("%s, stop the boot, both are named, and no key file is left", async (_whose, ...ids) => {
    const attempt = release({ clientFor: () => twins(...ids) });
    await expect(attempt).rejects.toMatchObject({ code: "KEY_REUSED" });
    await expect(attempt).rejects.toBeInstanceOf(RefusedError);
    for (const id of ids) {
      await expect(attempt).rejects.toThrow(id);
    }
    await expect(attempt).rejects.toThrow("a key of its own for each secret");
    await expect(attempt).rejects.not.toThrow(/aaaa|qqqq/u);
    expect(await filesLeft()).toEqual([]);
  });

  test("stop the boot also if the TEE's runtime wrote one of them", async () => {
    model = { ...model, ClientLib: "libmhsm_ssr.so" };
    await writeFile(model.LocalPath, Buffer.alloc(32, 0xaa));
    const attempt = release({ insideSgx: true, clientFor: () => twins("Alice") });
    await expect(attempt).rejects.toMatchObject({ code: "KEY_REUSED" });
    expect(await filesLeft()).toEqual([]);
  });
});

describe("a secret that opens no uploads", () => {
  test("may be missing if an owner's key is released", async () => {
    const client = new Client("Bob");
    const roles = { required: [model], owners: [alice], optional: [bob] };
    const { keys, failed } = await release({ clientFor: () => client }, roles);
    expect([...keys.keys()].sort()).toEqual(["Alice", "Model"]);
    expect(failed).toEqual(["Bob"]);
  });

  test("does not replace the owners' keys", async () => {
    const client = new Client("Alice");
    const roles = { required: [model], owners: [alice], optional: [bob] };
    await expect(release({ clientFor: () => client }, roles)).rejects.toMatchObject({
      code: "RELEASE_REFUSED",
    });
    expect(await filesLeft()).toEqual([]);
  });
});

describe("a released key", () => {
  test("is made for its secret's use only", async () => {
    const { keys } = await release({
      useOf: ({ ID: id }) => (id === "Model" ? "cbc" : id === "Alice" ? "jwe" : "none"),
    });
    expect(keys.get("Model")?.key).toBeInstanceOf(CbcKey);
    expect(keys.get("Alice")?.key).toBeInstanceOf(JweKey);
    const unused = keys.get("Bob")?.key;
    expect([unused instanceof CbcKey, unused instanceof JweKey]).toEqual([false, false]);
  });
});

describe("removing key files", () => {
  test("continues after one that cannot be removed, and then names it", async () => {
    await mkdir(join(model.LocalPath, "a folder in the file's place"), { recursive: true });
    await writeFile(alice.LocalPath, bytesOf("Alice"));
    expect(() => {
      removeKeyFiles([model.LocalPath, alice.LocalPath]);
    }).toThrow(`removing ${model.LocalPath}`);
    expect(await filesLeft()).toEqual(["Model.key"]);
  });

  test("does not hide why a release failed", async () => {
    const client: SecretReleaseClient = {
      release: async ({ ID: id, LocalPath: path }) => {
        await mkdir(join(path, "a folder in the file's place"), { recursive: true });
        throw refused(id);
      },
    };
    const roles = { required: [model], owners: [alice] };
    await expect(release({ clientFor: () => client }, roles)).rejects.toMatchObject({
      code: "RELEASE_REFUSED",
    });
  });
});

describe("a key file that the TEE's runtime wrote", () => {
  beforeEach(() => {
    model = { ...model, ClientLib: "libmhsm_ssr.so" };
  });

  test("is used under SGX for a native library's entry", async () => {
    await writeFile(model.LocalPath, Buffer.alloc(32, 0xee));
    const { keys, released } = await release({ insideSgx: true });
    expect(revealed(keys.get("Model"))).toEqual(Buffer.alloc(32, 0xee));
    expect(released).toContain("Model runtime");
  });

  test("is replaced by a release if the runtime wrote none", async () => {
    const { keys, released } = await release({ insideSgx: true });
    expect(revealed(keys.get("Model"))).toEqual(bytesOf("Model"));
    expect(released).toContain("Model client");
  });

  test("is not used under SGX for the built-in client's entry", async () => {
    model = { ...model, ClientLib: "mhsm" };
    await writeFile(model.LocalPath, Buffer.alloc(32, 0xee));
    const { keys } = await release({ insideSgx: true });
    expect(revealed(keys.get("Model"))).toEqual(bytesOf("Model"));
  });

  test("is not used outside SGX", async () => {
    await writeFile(model.LocalPath, Buffer.alloc(32, 0xee));
    const { keys } = await release();
    expect(revealed(keys.get("Model"))).toEqual(bytesOf("Model"));
  });

  test.each([0, 16, 31, 33, 64])("is refused at %i bytes", async (length) => {
    await writeFile(model.LocalPath, Buffer.alloc(length, 0xee));
    await expect(release({ insideSgx: true })).rejects.toMatchObject({
      code: "KEY_FILE_FAILED",
      message: expect.stringContaining(`${length} bytes`),
    });
    expect(await filesLeft()).toEqual([]);
  });
});
