import { spawnSync } from "node:child_process";
import { createHash, createSecretKey, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { JweModelKey } from "../../../src/crypto/aes-key.js";
import { JweDecipher } from "../../../src/crypto/jwe-decipher.js";
import { projectFolder } from "../../helpers/server-process.js";

let folder = "";
const key = randomBytes(32);
/** Longer than two chunks of a file. */
const model = Buffer.concat([Buffer.from("\u0018\0\0\0ORTM"), randomBytes(2_500_000)]);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "confml-model-"));
  writeFileSync(join(folder, "model.key"), key, { mode: 0o600 });
  writeFileSync(join(folder, "net.ort"), model);
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function confml(...args: string[]) {
  const main = join(projectFolder, "build/owners/main.js");
  const all = [main, "model", "encrypt", ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, all, { cwd: folder });
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}

describe("confml model encrypt", () => {
  test("writes MODEL.jwe, which the server opens, and prints its settings", () => {
    const { status, stdout, stderr } = confml("--key", "model.key", "--kid", "ModelKey", "net.ort");
    expect([status, stderr]).toEqual([0, ""]);
    const file = readFileSync(join(folder, "net.ort.jwe"));
    const sha256 = createHash("sha256").update(file).digest("hex");
    const [wrote, hash, advice, ...settings] = stdout.trimEnd().split("\n");
    expect([wrote, hash]).toEqual(["wrote net.ort.jwe", `sha256 ${sha256}`]);
    expect(advice).toBe("Put this under Inference in config.json, with your web host:");
    expect(JSON.parse(`{${settings.join("")}}`)).toEqual({
      Model: {
        Url: "https://HOST/net.ort.jwe",
        Sha256: sha256,
        Manifest: "/app/model.json",
        Key: "ModelKey",
        Format: "ort",
      },
    });
    const decipher = new JweDecipher(new JweModelKey(createSecretKey(key)));
    const opened = Buffer.concat([decipher.update(file), decipher.final()]);
    expect(opened.equals(model)).toBe(true);
  });

  test.each<[string, string[], number, RegExp]>([
    ["an output that is there", ["net.ort"], 1, /net\.ort\.jwe exists/u],
    ["a name without .jwe", ["-o", "net.bin", "net.ort"], 64, /ends in \.jwe/u],
    ["its own input", ["-f", "-o", "own.jwe", "own.jwe"], 64, /own\.jwe is what is read|read/u],
    ["a model that is missing", ["none.onnx"], 1, /cannot read none\.onnx/u],
    ["a folder", ["."], 64, /./u],
    ["standard input", ["-"], 64, /not standard input/u],
    ["two models", ["net.ort", "net.ort"], 64, /one MODEL/u],
  ])("refuses %s and leaves nothing behind", (_what, args, exit, says) => {
    writeFileSync(join(folder, "own.jwe"), "a model");
    const before = readdirSync(folder).sort();
    const { status, stderr } = confml("--key", "model.key", "--kid", "ModelKey", ...args);
    expect([status === 0, stderr]).toEqual([false, expect.stringMatching(says)]);
    if (args[0] !== ".") expect(status).toBe(exit);
    expect(readdirSync(folder).sort()).toEqual(before);
    expect(readFileSync(join(folder, "own.jwe"), "utf8")).toBe("a model");
  });

  test("refuses a key in the place of its ID", () => {
    const { status, stderr } = confml(
      "--key",
      "model.key",
      "--kid",
      key.toString("hex"),
      "net.ort",
    );
    expect([status, stderr]).toEqual([64, expect.stringContaining("--kid wants the secret's ID")]);
    expect(stderr).not.toContain(key.toString("hex"));
  });
});
