import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { EndedCommand } from "../confml-process.js";
import { exact, setKeyScene, type KeyScene } from "./scene.js";

let scene: KeyScene;

beforeEach(async () => {
  scene = await setKeyScene();
});

afterEach(async () => {
  await scene.expectNoSecrets();
  await scene.close();
});

/** Imports the bytes of `file`, which is made where it is not there. */
async function imported(name: string, file: string, bytes?: Buffer): Promise<EndedCommand> {
  if (bytes !== undefined) await writeFile(join(scene.folder, file), bytes, { mode: 0o600 });
  const ended = await scene.key(["import", name, "--key", file, ...exact, "--min-svn", "1"]);
  expect(ended.status).toBe(0);
  return ended;
}

describe("confml key import and create", () => {
  test("warn where the bytes are, or were, another key's, and import them all the same", async () => {
    const [shared, other] = [randomBytes(32), randomBytes(32)];
    expect((await imported("Data", "shared.key", shared)).stderr).toBe("");
    // The vault lists five keys a page.
    for (let count = 0; count < 6; count += 1) {
      expect((await imported(`Other${count}`, `${count}.key`, randomBytes(32))).stderr).toBe("");
    }
    const twin = await imported("Seal", "shared.key");
    expect(twin.stderr).toBe(
      'confml: warning: these are the bytes of "Data" too: one key, one use. A server with both does not start ' +
        "(KEY_REUSED); make a new key with confml key create\n",
    );
    expect(twin.stdout).toContain("imported as a new key");

    // The same bytes under the same name are no second use.
    await imported("Data", "other.key", other);
    expect((await imported("Seal", "seal.key", randomBytes(32))).stderr).toBe("");
    expect((await imported("Data", "shared.key")).stderr).toContain('the bytes of "Seal" too');
    expect((await imported("Third", "other.key")).stderr).toContain('the bytes of "Data" too');

    const created = await scene.key([
      "create",
      "New",
      "--key",
      "new.key",
      ...exact,
      "--min-svn",
      "1",
    ]);
    expect([created.status, created.stderr]).toEqual([0, ""]);
    const services = scene.emulator.requests.map(({ path }) => path);
    expect(services.filter((path) => path.endsWith("/encrypt")).length).toBeGreaterThan(20);
  });

  test.each([
    [/^\/keys(?:\?|$)/u, /the vault's other keys were not compared with this one \(.*403/u],
    [
      /\/encrypt/u,
      /"ModelKey" was not compared with this key \(cannot encrypt with ModelKey in .*403\), and 2 more$/mu,
    ],
  ])("say so where the vault does not let them compare: %s", async (path, message) => {
    await imported("First", "a.key", randomBytes(32));
    await imported("Second", "b.key", randomBytes(32));
    scene.misbehave = {
      managedHsm: (request, response, next) => {
        if (path.test(request.originalUrl)) response.status(403).end();
        else next();
      },
    };
    const { stderr, stdout } = await imported("Third", "c.key", randomBytes(32));
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stdout).toContain("imported as a new key");
  });
});
