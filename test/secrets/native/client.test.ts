import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { SecretEntry } from "../../../src/config/schema.js";
import { ConfigurationError, RefusedError, UnavailableError } from "../../../src/errors.js";
import { NativeSecretReleaseClient } from "../../../src/secrets/native/client.js";
import { compileLibrary, findSanitizer, hasCompiler } from "../../helpers/native-library.js";
import { compileSources } from "../../native/compiled-sources.js";

const address = "https://vault.example";
const sanitizer = await findSanitizer();
let sources = "";
let compiled = (module: string): string => module;
let folder = "";
let log = "";
let count = 0;

beforeAll(async () => {
  sources = await mkdtemp(join(tmpdir(), "confml-compiled-"));
  compiled = await compileSources(sources);
});

afterAll(async () => {
  await rm(sources, { recursive: true });
});

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
  return Buffer.from(Array.from({ length: 32 }, (_, at) => (at * 7 + id.charCodeAt(0)) % 256));
}

/** Runs a script in a process of its own, where `client`, `secret` and `context` are at hand. */
async function runScript(
  clientLib: string,
  script: string,
  { flags = [], environment = {} }: { flags?: string[]; environment?: NodeJS.ProcessEnv } = {},
): Promise<{ stdout: string; stderr: string }> {
  const preamble = `
    import { NativeSecretReleaseClient } from "${compiled("secrets/native/client.js")}";
    import { prepareToLeave } from "${compiled("native/leave.js")}";
    const leave = await prepareToLeave();
    const time = new AbortController();
    const context = { signal: time.signal, onRetry: () => undefined };
    const client = new NativeSecretReleaseClient({ folder: "/nowhere" });
    const secret = ${JSON.stringify(entry(clientLib))};
  `;
  const options = [...flags, "--input-type=module", "-e", preamble + script];
  // What hangs where it should not is a failure, not a test that goes on for ever.
  const limit = { timeout: 30_000, killSignal: "SIGKILL" } as const;
  return promisify(execFile)(process.execPath, options, { env: environment, ...limit });
}

async function calls(): Promise<string[]> {
  return (await readFile(log, "utf8")).trimEnd().split("\n");
}

const whenCompiling = hasCompiler ? describe : describe.skip;

whenCompiling("a native client library", () => {
  const client = (): NativeSecretReleaseClient => new NativeSecretReleaseClient({ folder });

  test("releases its key, and is called in the order of Mystikos' runtime", async () => {
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

  test("is given the verbosity, and NULL for a missing API version", async () => {
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

  test.each<[string, Record<string, number>, number, string[]]>([
    ["ssr_client_set_verbose", { VERBOSE_STATUS: 7 }, 7, ["set_verbose 0"]],
    [
      "ssr_client_init",
      { INIT_STATUS: -5 },
      -5,
      ["set_verbose 0", "init", "terminate, 0 allocated"],
    ],
    [
      "ssr_client_get_secret",
      { GET_STATUS: 40_003 },
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
    "that fails in %s is terminated, and the error names the step and its code",
    async (step, macros, code, expected) => {
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
  ])("that releases %s is refused, and its memory is freed", async (_what, macros, message) => {
    const attempt = client().release(entry(await library(macros)), never());
    await expect(attempt).rejects.toBeInstanceOf(RefusedError);
    await expect(attempt).rejects.toMatchObject({
      code: "RELEASE_INVALID",
      message: expect.stringContaining(message),
    });
    expect((await calls()).slice(-2)).toEqual(["free_secret", "terminate, 0 allocated"]);
  });

  test("that lacks a function is refused, and the error names the function", async () => {
    const attempt = client().release(entry(await library({ WITHOUT_TERMINATE: 1 })), never());
    await expect(attempt).rejects.toBeInstanceOf(ConfigurationError);
    await expect(attempt).rejects.toMatchObject({
      code: "CLIENT_INVALID",
      message: expect.stringContaining("ssr_client_terminate"),
    });
    await expect(calls()).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("is refused if its file is not a shared library", async () => {
    await writeFile(join(folder, "libtext.so"), "a text");
    const attempt = client().release(entry("libtext.so"), never());
    await expect(attempt).rejects.toMatchObject({
      code: "CLIENT_INVALID",
      message: expect.stringMatching(/libtext\.so: [^;]*cannot open[^;]*; \/.*\/libtext\.so: /u),
    });
  });

  test("is looked for on the default library paths first", async () => {
    const name = await library();
    const elsewhere = join(folder, "default");
    await mkdir(elsewhere);
    await rename(join(folder, name), join(elsewhere, name));
    const { stdout } = await runScript(
      name,
      "console.log((await client.release(secret, context)).key.length);",
      { environment: { LD_LIBRARY_PATH: elsewhere } },
    );
    expect(stdout).toBe("32\n");
  });

  test("that is not at its absolute path is looked for nowhere else", async () => {
    const attempt = client().release(entry("/nowhere/libssr.so"), never());
    await expect(attempt).rejects.toMatchObject({
      code: "CLIENT_INVALID",
      message: expect.stringMatching(/ssr\.h at \/nowhere\/libssr\.so; got \/nowhere[^;]*\. Put/u),
    });
  });

  test("is refused if it is not found, and the error names the places", async () => {
    const attempt = client().release(entry("libnowhere.so"), never());
    await expect(attempt).rejects.toMatchObject({
      code: "CLIENT_INVALID",
      message: expect.stringContaining(`default library paths or as ${folder}/libnowhere.so`),
    });
  });

  test("serves several secrets one after the other, also through several clients", async () => {
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

  test("that hangs makes later releases wait until their signals abort, and is not called again", async () => {
    const name = await library({ HANG: 1 });
    const { stdout } = await runScript(
      join(folder, name),
      `
        void client.release(secret, context);
        const second = client.release({ ...secret, ID: "B" }, context);
        setTimeout(() => time.abort(), 200);
        await second.catch((error) => console.log(error.message));
        const more = new AbortController();
        const third = client.release({ ...secret, ID: "C" }, { ...context, signal: more.signal });
        setTimeout(() => more.abort(), 200);
        await third.catch((error) => console.log(error.message));
        leave(0);
      `,
    );
    for (const id of ["B", "C"]) {
      expect(stdout).toMatch(
        new RegExp(
          `releasing ${id} .*expected its turn; got another release that has not ended`,
          "u",
        ),
      );
    }
    expect(await calls()).toEqual(["set_verbose 0", "init"]);
  });

  test("is not called if the signal has aborted before", async () => {
    const attempt = client().release(entry(await library()), {
      ...never(),
      signal: AbortSignal.abort(new Error("the end")),
    });
    await expect(attempt).rejects.toMatchObject({ code: "CLIENT_FAILED" });
    await expect(calls()).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("may use 7 MiB of stack", async () => {
    const name = join(folder, await library({ STACK_KB: 7 * 1024 }));
    const { stdout } = await runScript(
      name,
      "console.log((await client.release(secret, context)).key.length);",
    );
    expect(stdout).toBe("32\n");
  });

  test("stays loaded, because its threads may still run", async () => {
    const name = join(folder, await library({ NOTE_UNLOAD: 1 }));
    const { stdout } = await runScript(
      name,
      `
        await client.release(secret, context);
        for (let turn = 0; turn < 20; turn += 1) {
          globalThis.gc();
          await new Promise((resolve) => setImmediate(resolve));
        }
        console.log((await import("node:fs")).readFileSync(${JSON.stringify(log)}, "utf8"));
      `,
      { flags: ["--expose-gc"] },
    );
    expect(stdout).toContain("terminate, 0 allocated");
    expect(stdout).not.toContain("unloaded");
  });

  test("does not block the event loop", async () => {
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

whenSanitizing("a native client library under AddressSanitizer", () => {
  /** Releases in a process of its own, with the leaks that were found at its end. */
  async function leaksOf(macros: Record<string, string | number>): Promise<string> {
    const name = join(folder, "libwatched.so");
    // It stays loaded, so that a leak found at the end still has a name.
    await compileLibrary("ssr-client.c", name, macros, ["-fsanitize=address", "-Wl,-z,nodelete"]);
    const ended = await runScript(
      name,
      `
        for (let count = 0; count < 3; count += 1) {
          const ended = client.release(secret, context).then(() => "RELEASED", ({ code }) => code);
          console.log(await ended);
        }
      `,
      {
        environment: {
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
  ])("leaks no memory if it %s", async (_what, macros, outcome) => {
    const report = await leaksOf(macros);
    expect(report.startsWith(`${outcome}\n`.repeat(3))).toBe(true);
    expect(report).toContain("LeakSanitizer: detected memory leaks");
    expect(report).not.toContain("ssr-client.c");
    expect(report).not.toContain("AddressSanitizer: heap");
  });

  test("is reported if it leaks memory", async () => {
    expect(await leaksOf({ FORGETFUL: 1 })).toContain("ssr-client.c");
  });
});
