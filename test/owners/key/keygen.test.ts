import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { afterShell, runConfml } from "../confml-process.js";

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "confml-keygen-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const read = (name: string): Buffer => readFileSync(join(folder, name));

describe("confml keygen", () => {
  test("makes keys of 32 bytes for their owner alone, whatever the umask, and shows none", async () => {
    const { status, stdout, stderr } = await runConfml(["keygen", "a.key", "b.key"], {
      folder,
      wrapper: afterShell("umask 0"),
    });
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^made a key in a\.key: .*\nmade a key in b\.key: .*\n$/u);
    expect([read("a.key").length, read("b.key").length]).toEqual([32, 32]);
    expect(read("a.key").equals(read("b.key"))).toBe(false);
    expect(statSync(join(folder, "a.key")).mode & 0o777).toBe(0o600);
    for (const encoding of ["hex", "base64", "base64url", "latin1"] as const) {
      expect(stdout).not.toContain(read("a.key").toString(encoding).slice(0, 8));
    }
  });

  test("what it makes encrypts and decrypts", async () => {
    await runConfml(["keygen", "use.key"], { folder });
    writeFileSync(join(folder, "p"), "a picture");
    const encrypt = ["encrypt", "-k", "use.key", "--kid", "x", "p"];
    expect((await runConfml(encrypt, { folder })).stderr).toBe("");
    const { stdout } = await runConfml(["decrypt", "-k", "use.key", "p.jwe"], { folder });
    expect(stdout).toBe("a picture");
  });

  test("replaces nothing, says what to do, and makes the others", async () => {
    writeFileSync(join(folder, "there"), "something");
    const { status, stdout, stderr } = await runConfml(["keygen", "there", "c.key", "c.key"], {
      folder,
    });
    expect([status, read("there").toString(), read("c.key").length]).toEqual([1, "something", 32]);
    expect(stdout.match(/made a key/gu)).toHaveLength(1);
    expect(stderr).toContain("confml: error: there exists, and stays as it is\n");
    expect(stderr).toContain("confml: error: c.key exists, and stays as it is\n");
    expect(stderr).toContain("hint: nothing replaces a key");
    expect(stderr).not.toContain("--force");
  });

  test.each([[[]], [["--force", "there"]], [["-o", "there"]]])(
    "explains what is wrong with %j",
    async (args) => {
      const { status, stderr } = await runConfml(["keygen", ...args], { folder });
      expect(status).toBe(64);
      expect(stderr).toContain("hint: see confml keygen --help");
    },
  );
});
