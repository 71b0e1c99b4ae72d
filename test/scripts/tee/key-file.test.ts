import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { withKeyFile } from "../../../scripts/tee/key-file.js";
import { projectFolder } from "../../helpers/server-process.js";

const { privateKey: key } = generateKeyPairSync("rsa", { modulusLength: 1024 });

/** What both sides wait for: a program that reads until its input ends, or this process itself. */
const program = (waiting: string): string => `
  import { generateKeyPairSync } from "node:crypto";
  import { run } from "${join(projectFolder, "build/scripts/tee/command.js")}";
  import { withKeyFile } from "${join(projectFolder, "build/scripts/tee/key-file.js")}";
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
  await withKeyFile(privateKey, async (file) => {
    const waiting = ${waiting};
    console.log(file);
    const code = await waiting;
    process.exitCode = code;
  });
`;
const waits = [
  ["a program", 'run("cat", [], { cwd: "/" })'],
  [
    "a program that takes no notice",
    `run("sh", ["-c", "trap '' HUP INT QUIT TERM; cat"], { cwd: "/" })`,
  ],
  ["nothing", "new Promise(() => process.stdin.resume())"],
] as const;
const signals = [
  ["SIGHUP", 129],
  ["SIGINT", 130],
  ["SIGQUIT", 131],
  ["SIGTERM", 143],
] as const;
const cases = waits.flatMap(([title, waiting]) =>
  signals.map(([signal, code]) => ({ title, waiting, signal, code })),
);

describe("the file of a key", () => {
  test("is its owner's alone, and there no longer than it is used", async () => {
    let used = "";
    const result = await withKeyFile(key, (file) => {
      used = file;
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
      expect(readFileSync(file, "utf8")).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/u);
      return Promise.resolve("signed");
    });
    expect([result, existsSync(dirname(used))]).toEqual(["signed", false]);
  });

  test("goes where its use fails", async () => {
    let used = "";
    const attempt = withKeyFile(key, (file) => {
      used = file;
      return Promise.reject(new Error("no"));
    });
    await expect(attempt).rejects.toThrow("no");
    expect(existsSync(dirname(used))).toBe(false);
  });

  test("listens for no signal once it has gone", () => {
    for (const [signal] of signals) expect(process.listenerCount(signal)).toBe(0);
  });

  test.each(cases)(
    "goes at $signal while $title is waited for",
    async ({ waiting, signal, code }) => {
      const words = ["--input-type=module", "--eval", program(waiting)];
      const child = spawn(process.execPath, words, { stdio: ["pipe", "pipe", "inherit"] });
      const ended = new Promise((resolve) => child.once("close", resolve));
      const file = await new Promise<string>((resolve) => {
        child.stdout.setEncoding("utf8").once("data", (text: string) => {
          resolve(text.trim());
        });
      });
      expect(existsSync(file)).toBe(true);
      child.kill(signal);
      while (existsSync(dirname(file))) await new Promise(setImmediate);
      child.stdin.end();
      const took = await ended;
      // A program that takes no notice ends by itself, and well.
      expect(took).toBe(waiting.includes("trap") ? 0 : code);
    },
  );
});
