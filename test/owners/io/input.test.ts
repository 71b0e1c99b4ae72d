import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { hideKeys, isUnprintable, looksLikeKey } from "../../../owners/io/key-like.js";
import { readInput } from "../../../owners/io/input.js";
import { readKeyFile } from "../../../owners/key/key-file.js";
import { runConfml } from "../confml-process.js";

let folder = "";
// With both characters that base64 and base64url have not in common.
const key = Buffer.from("kGXNmegdC8xc+Qh2uoK/JjJl70m3ZlNiif0/wo1ZV3s=", "base64");

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "confml-input-"));
  writeFileSync(join(folder, "k"), key, { mode: 0o600 });
  writeFileSync(join(folder, "p"), randomBytes(1000));
  writeFileSync(join(folder, "hex.key"), `${key.toString("hex")}\n`, { mode: 0o600 });
  mkdirSync(join(folder, "folder"));
  execFileSync("mkfifo", [join(folder, "fifo")]);
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("an input", () => {
  test.each(["/dev/zero", "/dev/urandom", "/dev/null", "/dev/full"])(
    "is no device: %s",
    async (device) => {
      await expect(readInput(device, "FILE", 100)).rejects.toThrow(`${device} is a device`);
      await expect(readKeyFile(device)).rejects.toThrow(`${device} is a device`);
    },
  );

  test("is no folder, and is there", async () => {
    const place = join(folder, "folder");
    await expect(readInput(place, "FILE", 100)).rejects.toThrow(`${place} is a folder`);
    await expect(readKeyFile(place)).rejects.toThrow(`${place} is a folder`);
    await expect(readInput("no/where", "FILE", 100)).rejects.toThrow(
      "cannot read no/where: no such file or directory (ENOENT)",
    );
  });

  test("is read up to its limit", async () => {
    const file = join(folder, "p");
    expect(await readInput(file, "FILE", 1000)).toHaveLength(1000);
    await expect(readInput(file, "FILE", 999)).rejects.toThrow("at most 999 bytes; got 1000");
    const pipe = ["/bin/sh", "-c", 'yes | "$@" 2>&1', "sh"];
    const args = ["policy", "explain"];
    for (const name of ["-", "/dev/stdin"]) {
      const { stdout } = await runConfml([...args, name], { folder, wrapper: pipe });
      expect(stdout).toMatch(/error: \S+.*: expected at most 1048576 bytes; got more$/mu);
    }
  });

  test.each([
    ["32", "", ""],
    ["33", "expected a key of 32 bytes; got 33 or more", ""],
    ["31", "expected a key of 32 bytes; got 31", ""],
  ])("may be a pipe: a key of %s bytes", async (bytes, message) => {
    const feed = `head -c ${bytes} /dev/zero >fifo &`;
    const ended = await runConfml(["encrypt", "-k", "fifo", "--kid", "x", "-o", "-", "p"], {
      folder,
      wrapper: ["/bin/sh", "-c", `${feed} "$@"`, "sh"],
    });
    expect(ended.status).toBe(message === "" ? 0 : 1);
    expect(ended.stderr).toContain(message);
  });
});

describe("a key's file", () => {
  const encrypt = (keyFile: string) =>
    runConfml(["encrypt", "-k", keyFile, "--kid", "x", "-o", "-", "p"], { folder });

  test.each([0o604, 0o640])("that others may use is warned of (%d)", async (mode) => {
    writeFileSync(join(folder, "open.key"), key);
    chmodSync(join(folder, "open.key"), mode);
    const { status, stderr } = await encrypt("open.key");
    expect([status, stderr]).toEqual([
      0,
      `confml: warning: open.key: others of this machine may use the key (mode 0${mode.toString(8)}): chmod 600 is enough\n`,
    ]);
  });

  test("holds bytes, and is not shown where it holds something else", async () => {
    const { status, stderr } = await encrypt("hex.key");
    expect(status).toBe(1);
    expect(stderr).toMatch(/hex\.key: expected a key of 32 bytes; got 65\n.*not hex or base64/u);
    expect(stderr).not.toContain(key.toString("hex").slice(0, 8));
  });
});

describe("a key in the place of a file's name", () => {
  const hex = key.toString("hex");
  const shapes: Record<string, string> = {
    hex,
    capitals: hex.toUpperCase(),
    "spaced hex": hex.replace(/..(?!$)/gu, "$& "),
    "hex with colons": hex.replace(/..(?!$)/gu, "$&:"),
    "hex as xxd has it": hex.replace(/.{4}(?!$)/gu, "$& "),
    "hex in words": hex.replace(/.{8}(?!$)/gu, "$&-"),
    "hex with escapes": hex.replace(/../gu, "\\x$&"),
    "hex as C has it": hex.replace(/..(?!$)/gu, "0x$&, "),
    base64: key.toString("base64"),
    "base64 without =": key.toString("base64").replace("=", ""),
    base64url: key.toString("base64url"),
    PEM: `-----BEGIN PRIVATE KEY-----\n${key.toString("base64")}==\n-----END PRIVATE KEY-----`,
    bytes: key.toString("utf8").replaceAll("\0", "") + "\u0001",
  };
  const lines: ((word: string) => string[])[] = [
    (word) => ["encrypt", "--key", word, "--kid", "x", "p"],
    (word) => ["encrypt", `--key=${word}`, "--kid", "x", "p"],
    (word) => ["encrypt", `-k${word}`, "--kid", "x", "p"],
    (word) => ["encrypt", "-k", "k", "--kid", "x", word],
    (word) => ["encrypt", "-k", "k", "--kid", "x", "-o", word, "p"],
    (word) => ["encrypt", "-k", "k", "--kid", "x", "-o", `none/${word}`, "p"],
    (word) => ["keygen", word],
    (word) => ["policy", word],
    (word) => [word],
  ];
  const parts = [hex, key.toString("base64"), key.toString("base64url"), key.toString("latin1")];
  const pieces = parts.flatMap((text) =>
    Array.from({ length: text.length - 8 }, (_, index) => text.slice(index, index + 8)),
  );

  // Each shape in one place, and each place with one shape: all pairs take a minute.
  const pairs = Object.keys(shapes).map((shape, at) => [shape, at % lines.length] as const);
  test.each(pairs)("%s is refused and not repeated (%i)", async (shape, line) => {
    const before = readdirSync(folder);
    const args = lines[line]?.(shapes[shape] ?? "") ?? [];
    const { status, stdout, stderr } = await runConfml(args, { folder });
    // In a folder, it may be a name.
    expect(status).toBe(line === 5 ? 1 : 64);
    expect(stderr).toMatch(
      ["PEM", "bytes"].includes(shape)
        ? /^confml: error: word \d contains control characters or binary data/u
        : /^confml: error: /u,
    );
    const printed = (stdout + stderr).replaceAll(/\s/gu, "");
    const joined = printed.replaceAll(/[:,-]|\\x|0x/gu, "");
    const compact = [printed, printed.toLowerCase(), joined].join("\n");
    expect(pieces.filter((piece) => compact.includes(piece))).toEqual([]);
    expect(readdirSync(folder)).toEqual(before);
  });

  test("is taken for known by others", async () => {
    const { stderr } = await runConfml(["encrypt", "-k", hex, "--kid", "x", "p"], { folder });
    expect(stderr).toContain(
      "--key wants the name of a file, not the key itself, which others may",
    );
  });

  test("is an unknown option, too", async () => {
    for (const word of [`--${hex}`, `--${key.toString("base64")}`, `--x=${hex}`, `-x${hex}`]) {
      const { status, stderr } = await runConfml(["encrypt", word], { folder });
      expect([status, pieces.filter((piece) => stderr.includes(piece))]).toEqual([64, []]);
    }
  });

  test("is not taken as --kid, which anybody can read in the encrypted file", async () => {
    const args = ["encrypt", "-k", "k", "--kid", hex, "-o", "-", "p"];
    const { status, stdout, stderr } = await runConfml(args, { folder });
    expect([status, stdout]).toEqual([64, ""]);
    expect(stderr).toContain("--kid wants the secret's ID");
  });

  test("is known among a thousand in base64", () => {
    for (let index = 0; index < 1000; index += 1) {
      const bytes = createHash("sha256").update(String(index)).digest();
      for (const word of [bytes.toString("base64"), bytes.toString("base64url")]) {
        expect([word, looksLikeKey(word)]).toEqual([word, true]);
        expect(hideKeys(`no ${word}`, [`--key=${word}`])).not.toContain(word.slice(0, 43));
      }
    }
  });

  test("does not stand in the ways of reading: measurements and names are shown", () => {
    const mrenclave = "5f".repeat(32);
    const argv = ["policy", "--mrenclave", mrenclave, `--mrsigner=${mrenclave}`];
    expect(hideKeys(mrenclave, argv)).toBe(mrenclave);
    expect(hideKeys(`a ${mrenclave}`, ["encrypt", mrenclave])).toBe(
      "a [not shown: word 2 looks like a key]",
    );
    for (const name of [
      "AlexNetKey/0123456789abcdef0123456789abcdef",
      "/home/user/projects/confidential/pictures/h",
      "Pictures/holiday/2026/07/IMG-20260704-120000.jpg",
      "/tmp/confml-output-Co0Tjn/test-CnPTgi/p/out",
      "/Users/Jane/Documents/Hospital/Scans2026/CT",
      "picture.jpg",
    ]) {
      expect([looksLikeKey(name), isUnprintable(name)]).toEqual([false, false]);
      expect(hideKeys(name, [name])).toBe(name);
    }
  });
});
