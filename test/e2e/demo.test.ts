import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { projectFolder } from "../helpers/server-process.js";
import { upload } from "../helpers/upload.js";

const scripts = join(projectFolder, "build/scripts/demo");
const pictures = join(projectFolder, "models/demo");
const models = join(projectFolder, "test/fixtures/models");

/** Time after which a test kills the demo. */
const patienceMs = 40_000;

function start(script: string, ...args: string[]) {
  const child = spawn(process.execPath, [join(scripts, script), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: projectFolder,
  });
  const printed = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    printed.stderr += text;
  });
  const watchdog = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  const closed = once(child, "close").then(([code]: unknown[]) => {
    clearTimeout(watchdog);
    return code;
  });
  /** Resolves when the output matches; rejects if the demo ends before. */
  const prints = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = pattern.exec(printed.stdout);
      if (found !== null) return found;
      const ended = await Promise.race([once(child.stdout, "data"), closed]);
      if (!Array.isArray(ended)) throw new Error(`ended with ${String(ended)}: ${printed.stderr}`);
    }
  };
  return { child, printed, closed, prints };
}

describe("make run", () => {
  test("answers three pictures, plain and encrypted alike, and leaves no process and no file", async () => {
    const { printed, closed } = start("run.js");
    expect(await closed).toBe(0);
    expect(printed.stderr).toBe("");
    expect(printed.stdout).toContain("NOTHING HERE IS CONFIDENTIAL");
    const firsts = [...printed.stdout.matchAll(/image=@(\S+) .*\n.*\n.*\n\t\('([^']+)'/gu)].map(
      ([, name, label]) => [name, label],
    );
    expect(firsts).toEqual([
      ["dog.jpg", "dog"],
      ["automotive.jpg", "sports car"],
      ["strawberries.jpg", "strawberry"],
      ["dog.jpg.encrypted", "dog"],
      ["automotive.jpg.encrypted", "sports car"],
      ["strawberries.jpg.encrypted", "strawberry"],
    ]);
    const sealed = [
      ...printed.stdout.matchAll(
        /image=@(\S+\.jwe) \S+ \| npx --no-install confml decrypt --key \.demo\/keys\/seal\.key\n.*?"rank":1,"index":\d+,"label":"([^"]+)"/gu,
      ),
    ].map(([, name, label]) => [name, label]);
    expect(sealed).toEqual([
      ["dog.jpg.jwe", "dog"],
      ["automotive.jpg.jwe", "sports car"],
      ["strawberries.jpg.jwe", "strawberry"],
    ]);
    expect(printed.stdout).toContain("3 of 3 JWE images answered, under encryption");
    expect(printed.stdout).toContain(
      "3 of 3 encrypted images answered exactly like the plain ones",
    );
    // The warning is printed once, at the boot.
    expect(printed.stdout.match(/warning: .*recovers the picture whole/gu)).toHaveLength(1);
    const [, folder = ""] = /file=(\S+)\/model\.key/u.exec(printed.stdout) ?? [];
    expect(folder).toMatch(/^\.demo\/run-\w+$/u);
    expect(existsSync(join(projectFolder, folder))).toBe(false);
    for (const name of ["model.key", "image.key", "seal.key"]) {
      const key = readFileSync(join(projectFolder, ".demo/keys", name));
      expect(key).toHaveLength(32);
      expect(printed.stdout).not.toContain(key.toString("hex"));
    }
  });

  test("cleans up if its standard output is closed", async () => {
    const { child, closed, prints } = start("run.js");
    await prints(/emulator │/u);
    child.stdout.destroy();
    expect(await closed).toBe(141);
    const left = await readdir(join(projectFolder, ".demo"));
    expect(left.filter((name) => name.startsWith("run-"))).toEqual([]);
  });

  test("refuses labels that do not fit the model, with the server's message and exit code", async () => {
    const labels = join(projectFolder, "Makefile");
    const { printed, closed } = start(
      "run.js",
      ...["--model", join(models, "colours.onnx"), "--labels", labels],
    );
    expect(await closed).toBe(77);
    expect(printed.stdout).toMatch(
      /MODEL_INVALID: loading the model: expected as many labels as the model has outputs \(3\); got \d+ labels/u,
    );
  });

  test.each([
    [["--model", "x.onnx"], /MODEL needs LABELS/u],
    [["--labels", "x"], /belong to a MODEL/u],
    [["--model", "x", "--labels", "y", "--manifest", "z"], /not both/u],
    [["--owners", "3"], /OWNERS: expected 1 or 2/u],
    [["--model", join(models, "no-such.onnx"), "--labels", "y"], /no-such\.onnx/u],
  ])("explains what %j lacks", async (args, message) => {
    const { printed, closed } = start("run.js", ...args);
    expect(await closed).not.toBe(0);
    expect(printed.stderr).toMatch(/^error: [^\n]+\n$/u);
    expect(printed.stderr).toMatch(message);
  });
});

const openssl = ((): boolean => {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    process.stdout.write(
      "skipped: the openssl line of docs/data-owner.md, because there is no openssl\n",
    );
    return false;
  }
})();

describe("make serve", () => {
  test("accepts pictures that the documented commands encrypt, and cleans up at its end", async () => {
    const folder = await mkdtemp(join(tmpdir(), "confml-serve-"));
    const served = start("serve.js", "--port", "0", "--owners", "2");
    try {
      const [, port] = await served.prints(/http:\/\/127\.0\.0\.1:(\d+)\/evaluate/u);
      const runFolder = join(projectFolder, ".demo/run");
      const [, metrics = ""] = await served.prints(/curl (http:\S+\/metrics)\n/u);
      expect(served.printed.stdout).toContain("deploy/monitoring has alert rules and a dashboard");
      expect(existsSync(join(projectFolder, "deploy/monitoring/dashboard.json"))).toBe(true);
      expect(await (await fetch(metrics)).text()).toContain("confml_build_info{");
      expect((await readdir(runFolder)).sort()).toContain("image.key");
      const picture = await readFile(join(pictures, "dog.jpg"));
      const plain = await upload(Number(port), "dog.jpg", picture);
      expect(plain.text).toContain("'dog'");

      const key = join(projectFolder, ".demo/keys/image.key");
      const sealKey = join(projectFolder, ".demo/keys/seal.key");
      const cli = (...args: string[]): Buffer =>
        execFileSync(process.execPath, [join(projectFolder, "build/owners/main.js"), ...args], {
          stdio: "pipe",
        });
      const jwe = join(folder, "dog.jwe");
      const source = join(pictures, "dog.jpg");
      cli("encrypt", "--key", sealKey, "--kid", "AlexNetSealKey", "-o", jwe, source);
      const sealed = await upload(Number(port), "dog.jwe", await readFile(jwe));
      const answer = join(folder, "answer.jwe");
      await writeFile(answer, sealed.text);
      expect(cli("decrypt", "--key", sealKey, answer).toString()).toContain('"label":"dog"');

      const otherKey = join(projectFolder, ".demo/keys/other.key");
      const otherJwe = join(folder, "other.jwe");
      cli("encrypt", "--key", otherKey, "--kid", "OtherSealKey", "-o", otherJwe, source);
      const otherSealed = await upload(Number(port), "other.jwe", await readFile(otherJwe));
      await writeFile(answer, otherSealed.text);
      expect(cli("decrypt", "--key", otherKey, answer).toString()).toContain('"label":"dog"');
      expect(() => cli("decrypt", "--key", sealKey, answer)).toThrow(
        /a JWE with the kid "OtherSealKey" that \S+seal\.key does not open/u,
      );
      expect(served.printed.stdout).toContain("--kid OtherSealKey");

      if (openssl) {
        const encrypted = join(folder, "dog.jpg.encrypted");
        const hex = (await readFile(key)).toString("hex");
        const args = ["enc", "-e", "-aes256", "-K", hex, "-iv", "0"];
        execFileSync("openssl", [...args, "-in", join(pictures, "dog.jpg"), "-out", encrypted], {
          stdio: "ignore",
        });
        const { text } = await upload(Number(port), "dog.jpg.encrypted", await readFile(encrypted));
        expect(text).toBe(plain.text);
        const legacy = cli(
          "encrypt",
          "--key",
          key,
          "--legacy",
          "-o",
          "-",
          join(pictures, "dog.jpg"),
        );
        expect(legacy.equals(await readFile(encrypted))).toBe(true);
      }

      const second = start("serve.js", "--port", "0");
      expect(await second.closed).toBe(64);
      expect(second.printed.stderr).toContain("running already");
      expect(existsSync(join(runFolder, "image.key"))).toBe(true);

      served.child.kill("SIGTERM");
      expect(await served.closed).toBe(143);
      expect(existsSync(runFolder)).toBe(false);
      await expect(fetch(`http://127.0.0.1:${String(port)}/`)).rejects.toThrow();
    } finally {
      served.child.kill("SIGTERM");
      await served.closed;
      await rm(folder, { recursive: true });
    }
  });
});
