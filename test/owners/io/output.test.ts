import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { encryptLegacy } from "../../../src/crypto/openssl-cbc.js";
import { writeFiles } from "../../../owners/io/atomic-files.js";
import { writeNewFiles, writeOutput } from "../../../owners/io/output.js";
import { CommandError } from "../../../owners/usage.js";
import { afterShell, runConfml, type EndedCommand } from "../confml-process.js";

const key = randomBytes(32);
const picture = randomBytes(1000);
let root = "";
let folder = "";

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "confml-output-"));
});

beforeEach(() => {
  folder = mkdtempSync(join(root, "test-"));
  writeFileSync(place("k"), key, { mode: 0o600 });
  writeFileSync(place("p"), picture);
  mkdirSync(place("folder"));
});

afterEach(() => {
  expect(readFileSync(place("k")).equals(key)).toBe(true);
  expect(readFileSync(place("p")).equals(picture)).toBe(true);
  expect(readdirSync(folder).filter((name) => name.startsWith(".confml-"))).toEqual([]);
});

afterAll(() => {
  rmSync(root, { recursive: true });
});

function place(name: string): string {
  return join(folder, name);
}

function modeOf(name: string): number {
  return statSync(place(name)).mode & 0o777;
}

/** Writes as the commands do, to a file of the test's folder. */
function write(name: string, force = false, isSecret = false): Promise<void> {
  return writeOutput(
    { file: place(name), content: "new", isSecret },
    { inputs: [place("k"), place("p")], force },
  );
}

function encrypt(args: readonly string[], wrapper: string[] = []): Promise<EndedCommand> {
  return runConfml(["encrypt", "-k", "k", "--legacy", ...args], { folder, wrapper });
}

describe("an output", () => {
  test("replaces nothing without force", async () => {
    writeFileSync(place("there"), "before");
    await expect(write("there")).rejects.toThrow(`${place("there")} exists, and stays as it is`);
    expect(readFileSync(place("there"), "utf8")).toBe("before");
    await write("there", true);
    expect(readFileSync(place("there"), "utf8")).toBe("new");
    // Before anything is read.
    expect((await encrypt(["-o", "there", "none"])).stderr).toContain("error: there exists");
  });

  test("replaces nothing that appears while it is written", async () => {
    const file = { path: place("late"), content: "new", isSecret: false, replaces: false };
    const appear = (): void => {
      writeFileSync(place("late"), "somebody's");
    };
    await expect(writeFiles([file], appear)).rejects.toThrow("exists, and stays as it is");
    expect(readFileSync(place("late"), "utf8")).toBe("somebody's");
    const dangling = { ...file, path: place("dangling") };
    await expect(
      writeFiles([dangling], () => {
        symlinkSync(place("elsewhere"), place("dangling"));
      }),
    ).rejects.toThrow("exists, and stays as it is");
    expect(existsSync(place("elsewhere"))).toBe(false);
  });

  test("is looked at again right before it gets its name, with force too", async () => {
    const output = { file: place("late"), content: "new", isSecret: false };
    const written = writeNewFiles([output], { inputs: [place("k")], force: true });
    linkSync(place("k"), place("late"));
    await expect(written).rejects.toThrow("is what is read");
    rmSync(place("late"));
  });

  test.each([false, true])("is never the key or an input (force: %s)", async (force) => {
    linkSync(place("k"), place("hard"));
    symlinkSync("k", place("soft"));
    symlinkSync(folder, place("here"));
    for (const name of ["k", "p", "hard", "soft", "./k", "folder/../k", "here/k"]) {
      await expect(write(name, force)).rejects.toThrow("is what is read");
    }
    expect(lstatSync(place("soft")).isSymbolicLink()).toBe(true);
  });

  test("is never what is read as standard input, nor appended to it", async () => {
    const wrapper = afterShell("exec <p");
    const ended = await encrypt(["-f", "-o", "p", "-"], wrapper);
    expect([ended.status, ended.stdout]).toEqual([64, ""]);
    const appended = await encrypt(["-o", "-", "p"], afterShell("exec >>p"));
    expect([appended.status, appended.stdout]).toEqual([64, ""]);
  });

  test("does not replace what has a key's length, with force neither", async () => {
    writeFileSync(place("other.key"), randomBytes(32));
    await expect(write("other.key", true)).rejects.toThrow("has 32 bytes, as keys have");
    expect(statSync(place("other.key")).size).toBe(32);
  });

  test.each([
    ["file", "link", "is a symbolic link"],
    ["folder", "link", "is a symbolic link"],
    ["nothing", "link", "is a symbolic link"],
    ["file", "folder", "is a folder"],
    ["file", "none/out", "none/out: its folder is not there"],
    ["file", "p/out", "p/out: what it lies in is no folder"],
    ["file", "new/", "new/ is no file"],
  ])("a link to a %s beside it: %s %s", async (target, name, message) => {
    writeFileSync(place("file"), "before");
    symlinkSync(target, place("link"));
    for (const force of [false, true]) await expect(write(name, force)).rejects.toThrow(message);
    expect(readFileSync(place("file"), "utf8")).toBe("before");
    expect(readdirSync(folder).sort()).toEqual(["file", "folder", "k", "link", "p"]);
  });

  test("takes its permissions from the umask, or from the file replaced; secrets are their owner's", async () => {
    await encrypt(["-o", "shared", "p"], afterShell("umask 027"));
    expect(modeOf("shared")).toBe(0o640);
    chmodSync(place("shared"), 0o604);
    await write("shared", true);
    expect(modeOf("shared")).toBe(0o604);
    await write("shared", true, true);
    expect(modeOf("shared")).toBe(0o600);
    await write("secret", false, true);
    expect(modeOf("secret")).toBe(0o600);
  });

  test("belongs to others or is not there at all", async () => {
    mkdirSync(place("dir"));
    writeFileSync(place("first"), "before");
    const file = (name: string, replaces: boolean) => ({
      ...{ path: place(name), content: "new", isSecret: false, replaces },
    });
    const nothing = (): void => undefined;
    await expect(writeFiles([file("first", true), file("dir", true)], nothing)).rejects.toThrow(
      CommandError,
    );
    expect(readFileSync(place("first"), "utf8")).toBe("before");
    await expect(writeFiles([file("fresh", true), file("dir", true)], nothing)).rejects.toThrow();
    await expect(writeFiles([file("fresh", false), file("first", false)], nothing)).rejects.toThrow(
      "first exists",
    );
    expect(existsSync(place("fresh"))).toBe(false);
  });
});

describe("pipes, devices and terminals", () => {
  const expected = encryptLegacy(key, picture);

  test.each(["-", "/dev/stdout", "/dev/fd/1", "fifo", "/dev/fd/3"])(
    "%s is written to directly",
    async (output) => {
      execFileSync("mkfifo", [place("fifo")]);
      const wrapper =
        output === "fifo"
          ? ["/bin/sh", "-c", 'cat fifo >got & "$@"; wait', "sh"]
          : afterShell(output === "/dev/fd/3" ? "exec 3>got" : "exec >got");
      const { status, stderr } = await encrypt(["-o", output, "p"], wrapper);
      expect([status, stderr]).toEqual([0, expect.stringMatching(/^confml: warning: nothing/u)]);
      expect(readFileSync(place("got")).equals(expected)).toBe(true);
      expect(lstatSync(place("fifo")).isFIFO()).toBe(true);
    },
  );

  test("/dev/null stays what it is; /dev/full is a full disk", async () => {
    expect((await encrypt(["-o", "/dev/null", "p"])).status).toBe(0);
    expect(lstatSync("/dev/null").isCharacterDevice()).toBe(true);
    const full = await encrypt(["-o", "/dev/full", "p"]);
    expect(full.status).toBe(1);
    expect(full.stderr).toContain("cannot write /dev/full: no space left on device (ENOSPC)");
    const redirected = await encrypt(["-o", "-", "p"], afterShell("exec >/dev/full"));
    expect(redirected.status).toBe(1);
    expect(redirected.stderr).toContain("cannot write standard output: ");
  });

  test.each(["/dev/null", "-", "/dev/stdout"])("a key does not go to %s", async (file) => {
    const { status, stdout, stderr } = await runConfml(["keygen", file], { folder });
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("is no file");
  });

  test.each(["-", "fifo"])(
    "a reader of %s that has gone ends the command without a word, as SIGPIPE does",
    async (output) => {
      execFileSync("mkfifo", [place("fifo")]);
      writeFileSync(place("large"), randomBytes(1_000_000));
      const args = ["encrypt", "-k", "k", "--kid", "x", "-o", output, "large"];
      // The status of the left side, which a shell without pipefail does not tell.
      const line =
        output === "-"
          ? '{ "$@"; echo $? >status; } | head -c 10'
          : 'head -c 10 fifo & "$@"; echo $? >status; wait';
      const ended = await runConfml(args, { folder, wrapper: ["/bin/sh", "-c", line, "sh"] });
      expect(readFileSync(place("status"), "utf8")).toBe("141\n");
      expect([ended.stdout.length, ended.stderr]).toEqual([10, ""]);
    },
  );

  const script = existsSync("/usr/bin/script");
  if (!script) process.stdout.write("skipped: terminals, because there is no script(1)\n");
  (script ? test : test.skip)("bytes do not go to a terminal unless forced", async () => {
    const onTerminal = (words: string): Promise<EndedCommand> =>
      runConfml([], {
        folder,
        // script(1) has a terminal for the command that it is given as one word.
        wrapper: ["/bin/sh", "-c", `script -qec "$1 $2 ${words}" /dev/null </dev/null`, "sh"],
      });
    const refused = await onTerminal("encrypt -k k --legacy -o - p");
    expect(refused.status).toBe(1);
    expect(refused.stdout).toContain("would go to a terminal");
    expect((await onTerminal("encrypt -k k --legacy -o /dev/tty p")).status).toBe(1);
    expect((await onTerminal("encrypt -k k --legacy -f -o - p")).status).toBe(0);
    expect((await onTerminal("encrypt -k k --kid x -o - p")).status).toBe(0);
  });
});

test("one of several files that fails is one failure, and the others are done", async () => {
  writeFileSync(place("q"), picture);
  const ended = await encrypt(["p", "none", "folder", "q"]);
  expect(ended.status).toBe(1);
  expect(ended.stderr.match(/^confml: error: .*$/gmu)).toEqual([
    "confml: error: cannot read none: no such file or directory (ENOENT)",
    "confml: error: folder is a folder",
  ]);
  expect(readdirSync(folder).sort()).toEqual([
    ...["folder", "k", "p", "p.encrypted", "q", "q.encrypted"],
  ]);
});
