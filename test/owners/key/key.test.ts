import { randomBytes } from "node:crypto";
import { readFile, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { attestationUrl, mrenclave, vaultUrl } from "../../helpers/azure-clients.js";
import { secret } from "../../helpers/release-client.js";
import { withFault } from "../confml-process.js";
import { exact, kidIn, setKeyScene, type KeyScene } from "./scene.js";

let scene: KeyScene;

beforeAll(async () => {
  scene = await setKeyScene();
});

afterEach(async () => {
  scene.misbehave = {};
  await scene.expectNoSecrets();
});

afterAll(async () => {
  await scene.close();
});

const signer = { claim: "x-ms-sgx-mrsigner", equals: "02".repeat(32) };
const product = { claim: "x-ms-sgx-product-id", equals: 1 };
const version = { claim: "x-ms-sgx-svn", greaterOrEquals: 0 };

describe("confml key create", () => {
  test("makes a key that the vault releases to the code named, and to no other", async () => {
    const created = await scene.key([
      "create",
      "Mine",
      "-k",
      "mine.key",
      ...exact,
      "--allow-debug",
    ]);
    expect(created.status).toBe(0);
    expect(kidIn(created)).toMatch(/^Mine\/[0-9a-f]{32}$/u);
    expect(created.stdout).toContain("imported as a new key");
    expect(created.stdout).toContain(`confml encrypt --key mine.key --kid ${kidIn(created)}`);
    expect(created.stderr).toContain("confml: warning: the policy allows debug enclaves");

    const file = join(scene.folder, "mine.key");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const released = await scene.server.client.release(
      { ...secret, ID: "Mine" },
      scene.server.context,
    );
    expect(released.key.equals(await readFile(file))).toBe(true);
    expect(`Mine/${released.version ?? ""}`).toBe(kidIn(created));

    const closed = ["create", "Closed", "-k", "closed.key", ...exact, "--min-svn", "1"];
    expect((await scene.key(closed)).stderr).toBe("");
    await expect(
      scene.server.client.release({ ...secret, ID: "Closed" }, scene.server.context),
    ).rejects.toMatchObject({ code: "RELEASE_REFUSED" });
  });

  test("takes a policy from a file as it is", async () => {
    const policy = `{"version": "1.0.0", "anyOf": [{"authority": "${attestationUrl}",
      "anyOf": [{"claim": "x-ms-sgx-mrenclave", "equals": "${mrenclave}"}]}]}`;
    await writeFile(join(scene.folder, "policy.json"), policy);
    const create = ["create", "ByFile", "-k", "file.key", "--policy", "policy.json"];
    const refused = await scene.key(create);
    expect([refused.status, refused.stdout]).toEqual([64, ""]);
    expect(refused.stderr).toMatch(/policy\.json lets debug enclaves have the key.*--allow-debug/u);
    const made = await scene.key([...create, "--allow-debug"]);
    expect(made.status).toBe(0);
    expect(made.stderr).toContain("allows debug enclaves");
    const shown = await scene.key(["show", "ByFile", "--json"]);
    expect(JSON.parse(shown.stdout)).toMatchObject({ policy: JSON.parse(policy) as unknown });
  });

  test.each<[string, object[], string[], RegExp | undefined]>([
    ["anybody", [], ["--trust-signer"], /has to name MRSIGNER, product id and minimum version/u],
    ["a signer", [signer, product, version], [], /names no MRENCLAVE: .*say --trust-signer/u],
    ["a signer's every version", [signer, product], ["--trust-signer"], /has to name MRSIGNER/u],
    ["a signer's every product", [signer, version], ["--trust-signer"], /has to name MRSIGNER/u],
    ["a signer, as its owner says", [signer, product, version], ["--trust-signer"], undefined],
  ])(
    "a policy file that trusts %s needs its owner's word",
    async (_whom, claims, words, message) => {
      const notDebuggable = { claim: "x-ms-sgx-is-debuggable", equals: "false" };
      const policy = {
        version: "1.0.0",
        anyOf: [{ authority: attestationUrl, allOf: [notDebuggable, ...claims] }],
      };
      await writeFile(join(scene.folder, "signer.json"), JSON.stringify(policy));
      const create = ["create", `S${Date.now()}`, "-k", `s-${Date.now()}.key`];
      const { status, stderr } = await scene.key([...create, "--policy", "signer.json", ...words]);
      expect(status).toBe(message === undefined ? 0 : 64);
      if (message !== undefined) expect(stderr).toMatch(message);
    },
  );

  test("one branch of a policy file that names no code is one too many", async () => {
    const branch = (claim: string): object => ({
      authority: attestationUrl,
      allOf: [
        { claim: "x-ms-sgx-is-debuggable", equals: "false" },
        { claim, equals: mrenclave },
      ],
    });
    const anyOf = [branch("x-ms-sgx-mrenclave"), branch("x-ms-sgx-mrsigner")];
    await writeFile(join(scene.folder, "two.json"), JSON.stringify({ version: "1.0.0", anyOf }));
    const { status } = await scene.key(["create", "Two", "-k", "two.key", "--policy", "two.json"]);
    expect(status).toBe(64);
  });

  test("never writes over a file, whatever it holds", async () => {
    await writeFile(join(scene.folder, "there.txt"), "something");
    const requests = scene.emulator.requests.length;
    const failed = await scene.key(["create", "There", "-k", "there.txt", ...exact]);
    expect(failed.status).toBe(1);
    expect(failed.stderr).toContain("there.txt exists, and stays as it is");
    expect(failed.stderr).toContain("confml: hint: ");
    expect(await readFile(join(scene.folder, "there.txt"), "utf8")).toBe("something");
    expect(scene.emulator.requests).toHaveLength(requests);
  });

  test.each([
    ["3:SIGINT", false],
    ["5:SIGINT", true],
  ])("interrupted at %s, it leaves a whole key or none", async (stopAt, isThere) => {
    const name = `stopped-${stopAt.split(":")[0] ?? ""}.key`;
    const environment = { ...scene.login, ...withFault({ STOP_AT: stopAt }) };
    const { signal } = await scene.key(["create", "Stopped", "-k", name, ...exact], environment);
    expect(signal).toBe("SIGINT");
    const files = await readdir(scene.folder);
    expect(files.filter((file) => file.startsWith(".confml-"))).toEqual([]);
    expect(files.includes(name)).toBe(isThere);
    if (isThere) expect(await readFile(join(scene.folder, name))).toHaveLength(32);
  });

  test("keeps the file of a key that was not imported, and says how to go on", async () => {
    scene.misbehave = { managedHsm: (_request, response) => response.status(503).end() };
    const failed = await scene.key(["create", "Late", "-k", "it's late.key", ...exact]);
    expect(failed.status).toBe(1);
    expect(failed.stdout).toBe("");
    expect((await readFile(join(scene.folder, "it's late.key"))).length).toBe(32);
    const command =
      /to go on with it: confml (key import Late .*)$/mu.exec(failed.stderr)?.[1] ?? "";
    expect(command).toContain(String.raw`-k 'it'\''s late.key' --authority ${attestationUrl}`);
    expect(command).toContain(`--mrenclave ${mrenclave} --vault ${vaultUrl}`);
    scene.misbehave = {};
    const imported = await scene.key(["import", "Late", "-k", "it's late.key", ...exact]);
    expect(imported.status).toBe(0);
  });
});

describe("confml key import", () => {
  test("imports the bytes of a file, and rotates under a name that is there", async () => {
    const [first, second] = [randomBytes(32), randomBytes(32)];
    await writeFile(join(scene.folder, "first.key"), first, { mode: 0o600 });
    await writeFile(join(scene.folder, "second.key"), second, { mode: 0o600 });
    const before = await scene.key([
      "import",
      "Turn",
      "--key",
      "first.key",
      ...exact,
      "--allow-debug",
    ]);
    expect(before.stdout).toContain("imported as a new key");
    const after = await scene.key([
      "import",
      "Turn",
      "--key",
      "second.key",
      ...exact,
      "--allow-debug",
    ]);
    expect(after.status).toBe(0);
    expect(after.stdout).toContain(
      `imported as a new version of Turn: this is a rotation, from ${kidIn(before)}\n`,
    );
    expect(kidIn(after)).not.toBe(kidIn(before));
    expect(after.stdout).toContain("Release.GraceMs");
    const released = await scene.server.client.release(
      { ...secret, ID: "Turn" },
      scene.server.context,
    );
    expect(released.key.equals(second)).toBe(true);
  });

  test.each([
    ["short.key", randomBytes(31), "short.key: expected a key of 32 bytes; got 31"],
    ["long.key", randomBytes(33), "long.key: expected a key of 32 bytes; got 33"],
    ["none", undefined, "ENOENT"],
  ])("does not import %s", async (file, bytes, message) => {
    if (bytes !== undefined) await writeFile(join(scene.folder, file), bytes, { mode: 0o600 });
    const requests = scene.emulator.requests.length;
    const failed = await scene.key(["import", "Wrong", "--key", file, ...exact]);
    expect([failed.status, failed.stdout]).toEqual([1, ""]);
    expect(failed.stderr).toContain(message);
    expect(scene.emulator.requests).toHaveLength(requests);
  });

  test.each(["hex", "base64", "base64url"] as const)(
    "does not repeat a key that was given in its file's place, as %s",
    async (encoding) => {
      const bytes = randomBytes(32);
      scene.otherKeys.push(bytes);
      const failed = await scene.key([
        "import",
        "Wrong",
        `--key=${bytes.toString(encoding)}`,
        ...exact,
      ]);
      expect(failed.status).toBe(64);
      expect(failed.stderr).toContain("--key wants the name of a file, not the key itself");
    },
  );
});

describe("confml key show", () => {
  test("says what the vault holds, and who can get it", async () => {
    const made = await scene.key(["create", "Shown", "-k", "shown.key", ...exact]);
    const [, version = ""] = kidIn(made).split("/");
    for (const name of ["Shown", kidIn(made)]) {
      const { status, stdout, stderr } = await scene.key(["show", name]);
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout).toContain(`id:         ${vaultUrl}/keys/Shown/${version}\n`);
      expect(stdout).toContain(`version:    ${version}\n`);
      expect(stdout).toContain("enabled:    yes\nexportable: yes\n");
      expect(stdout).toMatch(/^created: {4}\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/mu);
      expect(stdout).toContain(`MRENCLAVE ${mrenclave}`);
      expect(stdout).toContain("  - it is not a debug enclave\n");
      expect(stdout).toContain("WARNING: the policy names no minimum version");
    }
    const report = z
      .strictObject({
        id: z.literal(`${vaultUrl}/keys/Shown/${version}`),
        name: z.literal("Shown"),
        version: z.literal(version),
        type: z.literal("oct-HSM"),
        enabled: z.literal(true),
        exportable: z.literal(true),
        created: z.iso.datetime(),
        policy: z.object({ version: z.literal("1.0.0") }),
        explanation: z.array(z.string()).length(4),
        warnings: z.array(z.string()).length(1),
      })
      .safeParse(JSON.parse((await scene.key(["show", "Shown", "--json"])).stdout));
    expect(report.error).toBeUndefined();
  });

  test.each([
    ["no policy", undefined, "The key has no release policy: the vault never releases it."],
    [
      "a policy of another grammar",
      { version: "2.0.0" },
      "WARNING: the policy cannot be explained",
    ],
  ])("says so of a key with %s", async (_what, policy, message) => {
    const data = Buffer.from(JSON.stringify(policy ?? "")).toString("base64url");
    scene.misbehave = {
      managedHsm: (request, response, next) => {
        if (request.headers.authorization === undefined) next();
        else {
          response.json({
            attributes: { enabled: false, exportable: false, created: 1 },
            key: { kid: `${vaultUrl}/keys/Odd/1`, kty: "oct-HSM" },
            ...(policy === undefined ? {} : { release_policy: { data } }),
          });
        }
      },
    };
    const { status, stdout } = await scene.key(["show", "Odd"]);
    expect(status).toBe(0);
    expect(stdout).toContain("enabled:    no\nexportable: no\n");
    expect(stdout).toContain(message);
  });

  test.each([["None"], [`Mine/${"0".repeat(32)}`]])("says that there is no %s", async (name) => {
    const failed = await scene.key(["show", name]);
    expect([failed.status, failed.stdout]).toEqual([1, ""]);
    expect(failed.stderr).toContain(`confml: error: there is no key `);
    expect(failed.stderr).toContain(`in ${vaultUrl}\nconfml: hint: check the name and --vault`);
  });
});

describe("a mistake in a key command", () => {
  const vault = ["--vault", vaultUrl];
  const file = ["--key", "mistake.key"];
  test.each([
    [["create", ...vault, ...file, ...exact], "give one NAME"],
    [["create", "a", "b", ...vault, ...file, ...exact], "give one NAME"],
    [["create", "a_b", ...vault, ...file, ...exact], "NAME is 1 to 127 letters"],
    [["create", "../a", ...vault, ...file, ...exact], "NAME is 1 to 127 letters"],
    [["create", "a", ...vault, ...exact], "--key is missing"],
    [["create", "a", ...file, ...exact], "--vault is missing"],
    [["create", "a", ...vault, ...file], "--authority is missing"],
    [["create", "a", ...vault, ...file, "--authority", attestationUrl], "--mrenclave is missing"],
    [["create", "a", ...vault, ...file, "--policy", "p", ...exact], "either --policy or --"],
    [
      ["create", "a", ...vault, ...file, "--policy", "p", "--min-svn", "1"],
      "either --policy or --",
    ],
    [["create", "a", ...vault, ...file, ...exact, "--json"], "Unknown option '--json'"],
    [["create", "a", ...vault, ...vault, ...file, ...exact], "--vault is given twice"],
    [["create", "a", ...vault, ...file, ...file, ...exact], "--key is given twice"],
    [["create", "a", ...file, ...exact, "--vault", "http://a.example"], "--vault wants an address"],
    [["create", "a", ...vault, ...file, ...exact, "--connect", "a"], "--connect wants host:port"],
    [["create", "a", ...vault, ...file, ...exact, "--connect", "a:65536"], "--connect wants host"],
    [["create", "a", ...vault, ...file, ...exact, "--api-version", "7?"], "--api-version wants"],
    [["import", "a", ...vault, ...exact], "--key is missing"],
    [["show", ...vault], "give one NAME"],
    [["show", "a/b/c", ...vault], "NAME is 1 to 127 letters"],
    [["show", "a"], "--vault is missing"],
    [["show", "a", ...vault, "--key", "x"], "Unknown option '--key'"],
  ])("is refused before anything is made: %j", async (args, message) => {
    const { status, stdout, stderr } = await scene.confml(["key", ...args]);
    expect([status, stdout]).toEqual([64, ""]);
    expect(stderr).toMatch(/^confml: error: .*\nconfml: hint: see confml key \w+ --help\n$/u);
    expect(stderr).toContain(message);
    expect(await readdir(scene.folder)).not.toContain("mistake.key");
  });

  test.each([
    ["a CA file without a certificate", ["--ca-file", "empty.pem", ...exact], "no PEM certificate"],
    ["no CA file", ["--ca-file", "none.pem", ...exact], "ENOENT"],
    ["a policy that is none", ["--policy", "empty.pem"], "empty.pem is no release policy"],
  ])("of the files' leaves nothing behind either: %s", async (_what, args, message) => {
    await writeFile(join(scene.folder, "empty.pem"), "");
    const failed = await scene.confml(["key", "create", "a", ...vault, ...file, ...args]);
    expect(failed.status).toBe(1);
    expect(failed.stderr).toMatch(/^confml: error: .*\n$/u);
    expect(failed.stderr).toContain(message);
    expect(await readdir(scene.folder)).not.toContain("mistake.key");
  });
});
