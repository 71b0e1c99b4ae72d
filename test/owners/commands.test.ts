import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { sealJwe } from "../../src/crypto/jwe.js";
import { projectFolder } from "../helpers/server-process.js";

let folder = "";
const picture = randomBytes(1000);
const key = randomBytes(32);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "confml-cli-"));
  writeFileSync(join(folder, "image.key"), key, { mode: 0o600 });
  writeFileSync(join(folder, "short.key"), randomBytes(31));
  writeFileSync(join(folder, "picture.jpg"), picture);
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function confml(args: string[], input?: Uint8Array) {
  const main = join(projectFolder, "build/owners/main.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd: folder,
    input,
  });
  return { status, stdout, stderr: stderr.toString() };
}

describe("confml", () => {
  test("encrypts beside the picture, and decrypts to standard output what it encrypted", () => {
    const made = confml(["encrypt", "--key", "image.key", "--kid", "DataKey", "picture.jpg"]);
    expect([made.status, made.stdout.toString(), made.stderr]).toEqual([0, "", ""]);
    const opened = confml(["decrypt", "--key", "image.key", "picture.jpg.jwe"]);
    expect(opened.stdout.equals(picture)).toBe(true);
  });

  test("reads standard input and writes standard output", () => {
    const args = ["encrypt", "-k", "image.key", "--kid", "DataKey", "-o", "-", "-"];
    const made = confml(args, picture);
    const opened = confml(
      ["decrypt", "-k", "image.key"],
      Buffer.concat([made.stdout, Buffer.from("\n")]),
    );
    expect(opened.stdout.equals(picture)).toBe(true);
  });

  test("prints an answer's JSON without its padding, and any other JSON byte for byte", async () => {
    const json = `${JSON.stringify({ image: {} })}    `;
    const open = async (cty: { cty?: string }): Promise<string> => {
      const token = await sealJwe(key, Buffer.from(json), { kid: "x", ...cty });
      return confml(["decrypt", "--key", "image.key"], Buffer.from(token)).stdout.toString();
    };
    expect(await open({ cty: "json" })).toBe('{"image":{}}\n');
    expect(await open({})).toBe(json);
  });

  test("warns where the answer says that nothing authenticated its upload", async () => {
    const seal = (image: object): Promise<string> =>
      sealJwe(key, Buffer.from(`${JSON.stringify({ image })}   `), { kid: "x", cty: "json" });
    const args = ["decrypt", "--key", "image.key"];
    const legacy = confml(args, Buffer.from(await seal({ encrypted: true, authenticated: false })));
    expect(legacy.status).toBe(0);
    expect(legacy.stderr).toMatch(/^confml: warning: this answers an \.encrypted upload.*\n$/u);
    const jwe = confml(args, Buffer.from(await seal({ encrypted: true })));
    expect([jwe.status, jwe.stderr]).toEqual([0, ""]);
    const other = confml(args, Buffer.from(await sealJwe(key, picture, { kid: "x" })));
    expect([other.status, other.stderr]).toEqual([0, ""]);
  });

  test("writes the legacy format to .encrypted, prints its hash, and warns", () => {
    const made = confml(["encrypt", "--key", "image.key", "--legacy", "picture.jpg"]);
    expect(made.status).toBe(0);
    const file = readFileSync(join(folder, "picture.jpg.encrypted"));
    const sha256 = createHash("sha256").update(file).digest("hex");
    const [path, hash, ...settings] = made.stdout.toString().split("\n");
    expect([path, hash]).toEqual(["wrote picture.jpg.encrypted", `sha256 ${sha256}`]);
    expect(settings.join("\n")).toContain(`"Sha256": "${sha256}"`);
    expect(made.stderr).toMatch(
      /^confml: warning: nothing authenticates an \.encrypted file: .*recovers it whole.*\n$/u,
    );
    expect(statSync(join(folder, "picture.jpg.encrypted")).size).toBe(1008);
  });

  test.each([
    [[], 64, "no command given"],
    [["decypher"], 64, "unknown command decypher"],
    [["encrypt", "picture.jpg"], 64, "--key is missing"],
    [["encrypt", "--key", "image.key", "picture.jpg"], 64, "give either --kid or --legacy"],
    [["encrypt", "--key", "image.key", "--kid", "x", "--legacy", "picture.jpg"], 64, "give either"],
    [["encrypt", "--key", "image.key", "--kid", "x"], 64, "give one FILE, or several"],
    [
      ["encrypt", "--key", "image.key", "--kid", "x", "-o", "x", "picture.jpg", "short.key"],
      64,
      "--output is for one FILE; got several",
    ],
    [["encrypt", "--key", "image.key", "--kid", "x", "-"], 64, "standard input needs an output"],
    [["encrypt", "--keyfile", "image.key"], 64, "Unknown option '--keyfile'"],
    [["encrypt", "--key", "image.key", "--key", "image.key"], 64, "--key is given twice"],
    [["encrypt", "--key"], 64, "--key"],
    [["encrypt", "--key=", "picture.jpg"], 64, "--key needs a value"],
    [["key"], 64, "key wants one of create, import and show"],
    [["key", "destroy", "x"], 64, "key wants one of create, import and show"],
    [["toString"], 64, "unknown command toString"],
    [
      ["encrypt", "--key", "short.key", "--kid", "x", "picture.jpg"],
      1,
      "a key of 32 bytes; got 31",
    ],
    [
      ["encrypt", "--key", "none.key", "--kid", "x", "picture.jpg"],
      1,
      "none.key: no such file or directory (ENOENT)\nconfml: hint: confml keygen FILE makes a new key",
    ],
    [["decrypt", "--key", "image.key", "picture.jpg"], 1, "picture.jpg: expected a JWE"],
    [["decrypt", "--key", "image.key"], 1, "standard input: expected a JWE; got nothing"],
  ])("explains what is wrong with %j", (args, status, message) => {
    const before = readdirSync(folder).map((name) => readFileSync(join(folder, name)).length);
    const failed = confml(args, Buffer.alloc(0));
    expect(failed.status).toBe(status);
    expect(failed.stdout).toHaveLength(0);
    expect(failed.stderr).toContain(`confml: error: `);
    expect(failed.stderr).toContain(message);
    expect(/hint: see confml( \w+)? --help\n$/u.test(failed.stderr)).toBe(status === 64);
    expect(readdirSync(folder).map((name) => readFileSync(join(folder, name)).length)).toEqual(
      before,
    );
  });

  test("tells how to use it", () => {
    expect(confml(["--help"]).stdout.toString()).toMatch(/^Usage: confml COMMAND/u);
    expect(confml(["--version"]).stdout.toString()).toMatch(/^\d+\.\d+\.\d+\n$/u);
  });

  test.each([
    ["keygen", "mode 0600"],
    ["encrypt", "--legacy"],
    ["decrypt", "standard output"],
    ["policy", "--trust-signer"],
    ["policy explain", "in words"],
    ["policy test", "TOKEN POLICY"],
    ["key create", "--min-svn"],
    ["key import", "rotation"],
    ["key show", "--json"],
    ["key", "confml key show"],
  ])("tells how to use %s, whatever else is on the line", (command, text) => {
    const { status, stdout, stderr } = confml([...command.split(" "), "--nonsense", "--help"]);
    expect([status, stderr]).toEqual([0, ""]);
    const help = stdout.toString();
    expect(help).toContain(`Usage: confml ${command}`);
    expect(help).toContain(text);
    expect(help.split("\n").every((line) => line.length <= 90)).toBe(true);
  });
});
