import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openJwe, sealJwe } from "../../../src/crypto/jwe.js";
import { encryptLegacy } from "../../../src/crypto/openssl-cbc.js";
import { attestationUrl, mrenclave } from "../../helpers/azure-clients.js";
import { tinyClassifier, tinyManifest } from "../../onnx/tiny-classifier.js";
import { afterShell, runConfml, withFault, type EndedCommand } from "../confml-process.js";

const key = randomBytes(32);
const picture = randomBytes(20_000);
const before = "what was there before";
const together = 3;
let root = "";
let jwe = "";

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "confml-interrupted-"));
  jwe = await sealJwe(key, picture, { kid: "x" });
});

afterAll(async () => {
  await rm(root, { recursive: true });
});

/** What each command reads. */
async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(root, "run-"));
  await writeFile(join(folder, "k"), key, { mode: 0o600 });
  await writeFile(join(folder, "p"), picture);
  await writeFile(join(folder, "p.jwe"), jwe);
  return folder;
}

interface Scenario {
  args: string[];
  /** Whether a whole output is the new one. */
  isNew: (output: Buffer) => boolean | Promise<boolean>;
}

const sealed = async (output: Buffer): Promise<boolean> =>
  Buffer.from((await openJwe(output, key)) ?? []).equals(picture);
const policy = ["policy", "--authority", attestationUrl, "--mrenclave", mrenclave];
const scenarios = {
  "encrypt as JWE": { args: ["encrypt", "-k", "k", "--kid", "x", "-o", "out", "p"], isNew: sealed },
  "encrypt --legacy": {
    args: ["encrypt", "-k", "k", "--legacy", "-o", "out", "p"],
    isNew: (output) => output.equals(encryptLegacy(key, picture)),
  },
  decrypt: {
    args: ["decrypt", "-k", "k", "-o", "out", "p.jwe"],
    isNew: (output) => output.equals(picture),
  },
  policy: {
    args: [...policy, "-o", "out"],
    isNew: (output) => JSON.stringify(JSON.parse(output.toString())).includes(mrenclave),
  },
  keygen: { args: ["keygen", "out"], isNew: (output) => output.length === 32 },
} satisfies Record<string, Scenario>;

interface Interrupted {
  ended: EndedCommand;
  /** What is in the output's place. */
  state: "none" | "before" | "new" | "half-written";
  temporaries: number;
}

async function interrupt(
  { args, isNew }: Scenario,
  stopAt: string,
  isThere: boolean,
): Promise<Interrupted> {
  const folder = await makeFolder();
  if (isThere) await writeFile(join(folder, "out"), before);
  const words = isThere ? [...args, "--force"] : args;
  const ended = await runConfml(words, { folder, environment: withFault({ STOP_AT: stopAt }) });
  const names = await readdir(folder);
  const others = names.filter((name) => !["k", "p", "p.jwe", "out"].includes(name));
  expect(others.every((name) => /^\.confml-[0-9a-f]{24}\.tmp$/u.test(name))).toBe(true);
  expect((await readFile(join(folder, "k"))).equals(key)).toBe(true);
  expect((await readFile(join(folder, "p"))).equals(picture)).toBe(true);
  const output = names.includes("out") ? await readFile(join(folder, "out")) : undefined;
  const state =
    output === undefined
      ? "none"
      : output.toString() === before
        ? "before"
        : (await isNew(output))
          ? "new"
          : "half-written";
  return { ended, state, temporaries: others.length };
}

/** Stops a command before its first operation on files, its second, and so on to its end. */
async function interruptEverywhere(
  scenario: Scenario,
  signal: string,
  isThere: boolean,
): Promise<Interrupted[]> {
  const runs: Interrupted[] = [];
  for (;;) {
    const numbers = Array.from({ length: together }, (_, index) => runs.length + index + 1);
    const more = await Promise.all(
      numbers.map((number) => interrupt(scenario, `${number}:${signal}`, isThere)),
    );
    const end = more.findIndex(({ ended }) => ended.status === 0);
    runs.push(...more.slice(0, end === -1 ? together : end));
    if (end !== -1) return runs;
  }
}

describe("a command that is interrupted", () => {
  test.each<[keyof typeof scenarios, string, boolean]>([
    ["keygen", "SIGINT", false],
    ["decrypt", "SIGTERM", true],
  ])("%s, by %s at any point: all is there, or nothing", async (name, signal, isThere) => {
    const runs = await interruptEverywhere(scenarios[name], signal, isThere);
    const without = isThere ? "before" : "none";
    const states = new Set(runs.map(({ state }) => state));
    expect([...states].sort()).toEqual([without, "new"].sort());
    expect(runs.length).toBeGreaterThanOrEqual(6);
    for (const { ended, temporaries } of runs) {
      expect([ended.signal, ended.status, ended.stderr, temporaries]).toEqual([
        signal,
        null,
        expect.stringMatching(/^(?:confml: warning: .*\n)?$/u),
        0,
      ]);
    }
  });

  test.each<[keyof typeof scenarios, boolean]>([
    ["encrypt as JWE", false],
    ["encrypt --legacy", true],
    ["policy", true],
  ])("%s, while its output is written: nothing is there", async (name, isThere) => {
    const { ended, state, temporaries } = await interrupt(scenarios[name], "3:SIGINT", isThere);
    expect([ended.signal, state, temporaries]).toEqual(["SIGINT", isThere ? "before" : "none", 0]);
  });

  test("even SIGKILL never leaves a part under the output's name", async () => {
    const runs = await interruptEverywhere(scenarios.decrypt, "SIGKILL", true);
    expect([...new Set(runs.map(({ state }) => state))].sort()).toEqual(["before", "new"]);
    expect(Math.max(...runs.map(({ temporaries }) => temporaries))).toBe(1);
  });

  test.each([
    ["SIGHUP", 129],
    ["SIGINT", 130],
    ["SIGQUIT", 131],
    ["SIGTERM", 143],
  ])("by %s ends as shells expect: %i", async (signal, status) => {
    const { stdout } = await runConfml(scenarios.keygen.args, {
      folder: await makeFolder(),
      environment: withFault({ STOP_AT: `3:${signal}` }),
      // No core file for SIGQUIT.
      wrapper: ["/bin/sh", "-c", 'ulimit -c 0; "$@"; echo $?', "sh"],
    });
    expect(stdout).toBe(`${status}\n`);
  });

  test("model optimize: the model and its manifest are both there, or neither", async () => {
    const folder = await makeFolder();
    await writeFile(join(folder, "tiny.onnx"), tinyClassifier("none"));
    await writeFile(join(folder, "tiny.json"), JSON.stringify(tinyManifest));
    const args = ["model", "optimize", "tiny.onnx", "--manifest", "tiny.json", "--out", "out"];
    const outputs = ["out", "out.json"];
    // In turn: the model is being written, its manifest, and the names are being given.
    for (const stopAt of [3, 8, 13]) {
      for (const file of outputs) await writeFile(join(folder, file), before);
      const { signal } = await runConfml([...args, "--force"], {
        folder,
        environment: withFault({ STOP_AT: `${stopAt}:SIGINT` }),
      });
      expect(signal).toBe("SIGINT");
      const contents = outputs.map((file) => readFile(join(folder, file), "utf8"));
      const isFormer = (await Promise.all(contents)).map((content) => content === before);
      expect(isFormer).toEqual([stopAt < 12, stopAt < 12]);
      expect((await readdir(folder)).filter((name) => name.startsWith("."))).toEqual([]);
    }
  });
});

describe("a command without room on the disk", () => {
  test.each(Object.entries(scenarios).filter(([name]) => name !== "keygen"))(
    "%s: leaves what was there, and nothing beside it",
    async (_name, { args }) => {
      const folder = await makeFolder();
      await writeFile(join(folder, "out"), before);
      // Blocks of 512 bytes: a file system that is full, for whoever may not mount one.
      const ended = await runConfml([...args, "--force"], {
        folder,
        wrapper: afterShell("ulimit -f 0"),
      });
      expect(ended.status).toBe(1);
      expect(ended.stderr).toContain("confml: error: cannot write out: file too large (EFBIG)\n");
      expect(await readFile(join(folder, "out"), "utf8")).toBe(before);
      expect((await readdir(folder)).sort()).toEqual(["k", "out", "p", "p.jwe"]);
    },
  );

  test.each([
    ["write", "ENOSPC", "no space left on device (ENOSPC)"],
    ["fsync", "EIO", "i/o error (EIO)"],
    ["linkSync", "EIO", "i/o error (EIO)"],
  ])("a failing %s (%s) leaves no file", async (name, code, reason) => {
    const folder = await makeFolder();
    const environment = withFault({ FAULT: `${name}:${code}` });
    const ended = await runConfml(["keygen", "out"], { folder, environment });
    expect([ended.status, ended.stdout]).toEqual([1, ""]);
    expect(ended.stderr).toContain(`confml: error: cannot write out: ${reason}\n`);
    expect((await readdir(folder)).sort()).toEqual(["k", "p", "p.jwe"]);
  });
});

test("a file system without hard links is written as well, and nothing is replaced there", async () => {
  const folder = await makeFolder();
  const environment = withFault({ FAULT: "linkSync:EPERM" });
  const { args } = scenarios.decrypt;
  expect((await runConfml(args, { folder, environment })).status).toBe(0);
  expect((await readFile(join(folder, "out"))).equals(picture)).toBe(true);
  await rm(join(folder, "out"));
  const late = { ...environment, APPEAR: "out" };
  expect((await runConfml(args, { folder, environment: late })).status).toBe(1);
  expect(await readFile(join(folder, "out"), "utf8")).toBe("somebody's");
  expect((await readdir(folder)).sort()).toEqual(["k", "out", "p", "p.jwe"]);
});
