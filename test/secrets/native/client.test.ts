import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { SecretEntry } from "../../../src/config/schema.js";
import { ConfigurationError, RefusedError, UnavailableError } from "../../../src/errors.js";
import { NativeSecretReleaseClient } from "../../../src/secrets/native/client.js";
import { compileLibrary, findSanitizer, hasCompiler } from "../../helpers/native-library.js";

const address = "https://vault.example";
/** For processes of their own. */
const built = new URL("../../../dist/secrets/native/client.js", import.meta.url).href;
const sanitizer = await findSanitizer();
let folder = "";
let log = "";
let count = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-native-"));
  log = join(folder, "calls");
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const never = (): { signal: AbortSignal; onRetry: () => void } => ({
  signal: new AbortController().signal,
  onRetry: () => undefined,
});

/** Compiles the library, under a name of its own: the loader would give the first one again. */
async function library(macros: Record<string, string | number> = {}): Promise<string> {
  count += 1;
  const name = `libssr-${process.pid}-${count}.so`;
  await compileLibrary("ssr-client.c", join(folder, name), { LOG: `"${log}"`, ...macros });
  return name;
}

function entry(clientLib: string, part: Partial<SecretEntry> = {}): SecretEntry {
  return {
    ID: "ModelKey",
    SrsAddress: address,
    SrsApiVersion: "7.3-preview",
    LocalPath: "/model.key",
    ClientLib: clientLib,
    ...part,
  };
}

function keyOf(id: string): Buffer {
  return Buffer.from(Array.from({ length: 32 }, (_, at) => (at * 7 + id.length) % 256));
}

async function calls(): Promise<string[]> {
  return (await readFile(log, "utf8")).trimEnd().split("\n");
}

const whenCompiling = hasCompiler ? describe : describe.skip;

whenCompiling("a native client library", () => {
  const client = (): NativeSecretReleaseClient => new NativeSecretReleaseClient({ folder });

  test("gives its key, and is called as Mystikos' runtime calls it", async () => {
    const name = await library();
    const released = await client().release(entry(name), never());
    expect(released).toEqual({ key: keyOf("ModelKey") });
    expect(await calls()).toEqual([
      "set_verbose 0",
      "init",
      `get_secret ${address} 7.3-preview ModelKey`,
      "free_secret",
      "terminate, 0 allocated",
    ]);
  });

  test("is told how verbose to be, and NULL for an API version that is not given", async () => {
    const { SrsApiVersion, ...rest } = entry(await library(), { Verbose: 3 });
    expect(SrsApiVersion).toBeDefined();
    await client().release(rest, never());
    const [verbose, , get] = await calls();
    expect([verbose, get]).toEqual(["set_verbose 3", `get_secret ${address} (none) ModelKey`]);
  });

  test("may be named by its absolute path", async () => {
    const path = join(folder, await library());
    const { key } = await new NativeSecretReleaseClient({ folder: "/nowhere" }).release(
      entry(path),
      never(),
    );
    expect(key).toEqual(keyOf("ModelKey"));
  });

  test.each<[string, Record<string, number>, string, number, string[]]>([
    ["ssr_client_set_verbose", { VERBOSE_STATUS: 7 }, "", 7, ["set_verbose 0"]],
    [
      "ssr_client_init",
      { INIT_STATUS: -5 },
      "",
      -5,
      ["set_verbose 0", "init", "terminate, 0 allocated"],
    ],
    [
      "ssr_client_get_secret",
      { GET_STATUS: 40_003 },
      "half filled",
      40_003,
      [
        "set_verbose 0",
        "init",
        `get_secret ${address} 7.3-preview ModelKey`,
        "free_secret",
        "terminate, 0 allocated",
      ],
    ],
  ])(
    "that fails in %s is ended in order, the step and its code named",
    async (step, macros, _how, code, expected) => {
      const attempt = client().release(entry(await library(macros)), never());
      await expect(attempt).rejects.toBeInstanceOf(UnavailableError);
      await expect(attempt).rejects.toMatchObject({
        code: "CLIENT_FAILED",
        message: expect.stringContaining(`expected ${step} to return 0; got its error ${code}.`),
      });
      expect(await calls()).toEqual(expected);
    },
  );

  test.each<[string, Record<string, string | number>, string]>([
    ["NULL", { DATA_NULL: 1 }, "got a NULL pointer."],
    ["NULL and no length", { DATA_NULL: 1, LENGTH: 0 }, "got 0 bytes."],
    ["no bytes", { LENGTH: 0 }, "got 0 bytes."],
    ["31 bytes", { LENGTH: 31 }, "got 31 bytes."],
    ["33 bytes", { LENGTH: 33 }, "got 33 bytes."],
    ["more bytes than there is memory", { LENGTH: "SIZE_MAX" }, "got 18446744073709551615 bytes."],
    ["2^32 + 32 bytes", { LENGTH: "4294967328" }, "got 4294967328 bytes."],
  ])("that releases %s is refused, and freed all the same", async (_what, macros, message) => {
    const attempt = client().release(entry(await library(macros)), never());
    await expect(attempt).rejects.toBeInstanceOf(RefusedError);
    await expect(attempt).rejects.toMatchObject({
      code: "RELEASE_INVALID",
      message: expect.stringContaining(message),
    });
    expect((await calls()).slice(-2)).toEqual(["free_secret", "terminate, 0 allocated"]);
  });

  test("that lacks a function is refused, which is named", async () => {
    const attempt = client().release(entry(await library({ WITHOUT_TERMINATE: 1 })), never());
    await expect(attempt).rejects.toBeInstanceOf(ConfigurationError);
    await expect(attempt).rejects.toMatchObject({
      code: "CLIENT_INVALID",
      message: expect.stringContaining("ssr_client_terminate"),
    });
    await expect(calls()).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("that is no library is refused", async () => {
    await writeFile(join(folder, "libtext.so"), "a text");
    const attempt = client().release(entry("libtext.so"), never());
    await expect(attempt).rejects.toMatchObject({ code: "CLIENT_INVALID" });
  });

  test("that is nowhere is refused, and where it was looked for named", async () => {
    const attempt = client().release(entry("libnowhere.so"), never());
    await expect(attempt).rejects.toMatchObject({
      code: "CLIENT_INVALID",
      message: expect.stringContaining(`default library paths or as ${folder}/libnowhere.so`),
    });
  });

  test("serves two secrets one after the other, through two clients too", async () => {
    const name = await library();
    const ids = ["A", "BB", "CCC"];
    const released = await Promise.all(
      ids.map((id) => client().release(entry(name, { ID: id }), never())),
    );
    expect(released.map(({ key }) => key)).toEqual(ids.map(keyOf));
    const order = (await calls()).map((line) => line.split(" ")[0]);
    const once = ["set_verbose", "init", "get_secret", "free_secret", "terminate,"];
    expect(order).toEqual([...once, ...once, ...once]);
  });

  test("that hangs makes the next one wait, until its time is up, and does not get called again", async () => {
    const name = await library({ HANG: 1 });
    const script = `
      import { NativeSecretReleaseClient } from "${built}";
      import { prepareToLeave } from "${built.replace("secrets/native/client.js", "native/leave.js")}";
      const leave = await prepareToLeave();
      const secret = { ID: "A", SrsAddress: "https://v", ClientLib: ${JSON.stringify(join(folder, name))} };
      const time = new AbortController();
      const context = { signal: time.signal, onRetry: () => undefined };
      const client = new NativeSecretReleaseClient({ folder: "/" });
      void client.release(secret, context);
      const second = client.release({ ...secret, ID: "B" }, context);
      setTimeout(() => time.abort(), 200);
      await second.catch((error) => console.log(error.message));
      leave(0);
    `;
    const { stdout } = await promisify(execFile)(process.execPath, [
      "--input-type=module",
      "-e",
      script,
    ]);
    expect(stdout).toMatch(
      /releasing B.*expected its turn; got another release that has not ended/u,
    );
    expect(await calls()).toEqual(["set_verbose 0", "init"]);
  });

  test("leaves the event loop free while it works", async () => {
    let turns = 0;
    const ticking = setInterval(() => {
      turns += 1;
    }, 0);
    await client().release(entry(await library()), never());
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(0);
  });
});

const whenSanitizing = sanitizer === undefined ? describe.skip : describe;

whenSanitizing("a native client library, watched by AddressSanitizer,", () => {
  /** Releases in a process of its own, with the leaks that were found at its end. */
  async function leaksOf(macros: Record<string, string | number>): Promise<string> {
    const name = join(folder, "libwatched.so");
    // It stays loaded, so that a leak found at the end still has a name.
    await compileLibrary("ssr-client.c", name, macros, ["-fsanitize=address", "-Wl,-z,nodelete"]);
    const script = `
      import { NativeSecretReleaseClient } from "${built}";
      const client = new NativeSecretReleaseClient({ folder: "/" });
      const secret = { ID: "Key", SrsAddress: "https://vault.example", LocalPath: "/k", ClientLib: ${JSON.stringify(name)} };
      const context = { signal: new AbortController().signal, onRetry: () => undefined };
      for (let count = 0; count < 3; count += 1) {
        const ended = client.release(secret, context).then(() => "RELEASED", ({ code }) => code);
        console.log(await ended);
      }
    `;
    const ended = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "-e", script],
      {
        env: {
          LD_PRELOAD: sanitizer ?? "",
          ASAN_OPTIONS: "detect_leaks=1:exitcode=0:fast_unwind_on_malloc=0",
        },
      },
    );
    return ended.stdout + ended.stderr;
  }

  test.each<[string, Record<string, string | number>, string]>([
    ["succeeds", {}, "RELEASED"],
    ["fails in init", { INIT_STATUS: 1 }, "CLIENT_FAILED"],
    ["fails in get_secret", { GET_STATUS: 1 }, "CLIENT_FAILED"],
    ["releases nonsense", { LENGTH: 5 }, "RELEASE_INVALID"],
  ])("leaks nothing where it %s", async (_what, macros, outcome) => {
    const report = await leaksOf(macros);
    expect(report.startsWith(`${outcome}\n`.repeat(3))).toBe(true);
    expect(report).toContain("LeakSanitizer: detected memory leaks");
    expect(report).not.toContain("ssr-client.c");
    expect(report).not.toContain("AddressSanitizer: heap");
  });

  test("would be caught at a leak", async () => {
    expect(await leaksOf({ FORGETFUL: 1 })).toContain("ssr-client.c");
  });
});
