import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parseClientPolicy } from "../../../client/policy/client-policy.js";
import { runConfml, type EndedCommand } from "../confml-process.js";

const authority = "https://owner.weu.attest.azure.net";
const code = "ab".repeat(32);
const signer = "cd".repeat(32);
const signerOptions = ["--mrsigner", signer, "--product-id", "7", "--min-svn", "3"];
const exact = ["--authority", authority, "--mrenclave", code];
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-policy-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

function policy(args: string[], input = ""): Promise<EndedCommand> {
  return runConfml(["policy", ...args], { folder, input });
}

function claimsOf(json: string): unknown {
  return JSON.parse(json);
}

describe("confml policy", () => {
  test("prints a policy for exact code, with what is to be said against it beside it", async () => {
    const made = await policy(exact);
    expect(claimsOf(made.stdout)).toEqual({
      version: "1.0.0",
      anyOf: [
        {
          authority,
          allOf: [
            { claim: "x-ms-attestation-type", equals: "sgx" },
            { claim: "x-ms-sgx-mrenclave", equals: code },
            { claim: "x-ms-sgx-is-debuggable", equals: "false" },
          ],
        },
      ],
    });
    expect(made.stderr).toMatch(/^confml: warning: the policy names no minimum version.*\n$/u);
    expect(made.status).toBe(0);
  });

  test("writes a file, takes capitals, several measurements and a slash at the end", async () => {
    const args = ["--authority", `${authority}/`, "--mrenclave", code.toUpperCase()];
    const made = await policy([...args, "--mrenclave", signer, "--min-svn=65535", "-o", "p.json"]);
    expect(made).toMatchObject({ status: 0, stdout: "", stderr: "" });
    const written = await readFile(join(folder, "p.json"), "utf8");
    expect(written).toContain(`"${authority}"`);
    expect(written).toContain(code);
    expect(written).toContain(signer);
    expect(written).toContain('"greaterOrEquals": 65535');
  });

  test("trusts a signer where it is told to, and allows debugging where it is told to", async () => {
    const args = ["--authority", authority, "--trust-signer", ...signerOptions, "--allow-debug"];
    const made = await policy(args);
    expect(made.status).toBe(0);
    expect(made.stdout).not.toContain("debuggable");
    expect(made.stdout).not.toContain("mrenclave");
    expect(made.stderr).toContain("whoever holds the signing key");
    expect(made.stderr).toContain("allows debug enclaves");
  });

  const signing = ["--authority", authority, "--trust-signer"];
  test.each([
    [[], "--authority is missing"],
    [["--mrenclave", code], "--authority is missing"],
    [["--authority", authority], "--mrenclave is missing"],
    [["--authority", authority, ...signerOptions], "say --trust-signer"],
    [[...exact, "--trust-signer", ...signerOptions], "give one"],
    [signing, "--trust-signer needs"],
    [[...signing, ...signerOptions.slice(2)], "--trust-signer needs"],
    [[...signing, ...signerOptions.slice(0, 4)], "--trust-signer needs"],
    [[...signing, "--mrsigner", signer, "--min-svn", "1"], "--trust-signer needs"],
    [["--authority", "http://a.example", "--mrenclave", code], "--authority wants an address"],
    [["--authority", "a.example", "--mrenclave", code], "--authority wants an address"],
    [["--authority", `${authority}/x`, "--mrenclave", code], "--authority wants an address"],
    [["--authority", authority, "--mrenclave", code.slice(1)], "--mrenclave wants 64 hex digits"],
    [["--authority", authority, "--mrenclave", `0x${code.slice(2)}`], "--mrenclave wants 64 hex"],
    [[...exact, "--mrsigner", "signer"], "--mrsigner wants 64 hex digits"],
    [[...exact, "--product-id", "65536"], "--product-id wants a number from 0 to 65535"],
    [[...exact, "--min-svn", "-1"], "--min-svn"],
    [[...exact, "--min-svn=-1"], "--min-svn wants a number"],
    [[...exact, "--min-svn", "1.5"], "--min-svn wants a number"],
    [[...exact, "--min-svn", "1e2"], "--min-svn wants a number"],
    [[...exact, "--min-svn"], "--min-svn"],
    [[...exact, "--min-svn="], "--min-svn needs a value"],
    [[...exact, "--min-svn", "1", "--min-svn", "2"], "--min-svn is given twice"],
    [[...exact, "--authority", authority], "--authority is given twice"],
    [[...exact, "--allow-debug", "--allow-debug"], "--allow-debug is given twice"],
    [[...exact, "--allow-debugging"], "Unknown option '--allow-debugging'"],
    [[...exact, "test"], '"test" is no option of policy'],
    [["explain"], "give one FILE"],
    [["explain", "a", "b"], "give one FILE"],
    [["explain", "--json", "a"], "Unknown option '--json'"],
    [["test", "token.jwt"], "give TOKEN and POLICY"],
    [["test", "-", "-"], "standard input can be one"],
  ])("refuses %j as a mistake of its writer's", async (args, message) => {
    const { status, stdout, stderr } = await policy(args);
    expect([status, stdout]).toEqual([64, ""]);
    expect(stderr).toMatch(/^confml: error: .*\nconfml: hint: see confml policy( \w+)? --help\n$/u);
    expect(stderr).toContain(message);
  });
});

describe("confml policy explain", () => {
  test("says what a policy means, and warns", async () => {
    const { stdout: json } = await policy([...exact, "--allow-debug"]);
    const { status, stdout, stderr } = await policy(["explain", "-"], json);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`"${authority}" vouches`);
    expect(stdout).toContain(`MRENCLAVE ${code}`);
    expect(stdout).toContain("WARNING: the policy allows debug enclaves");
    expect(stdout).toContain("WARNING: the policy names no minimum version");
  });

  test.each([
    ["none.json", "ENOENT"],
    ["-", "standard input is no release policy: not JSON"],
  ])("cannot explain %s", async (file, message) => {
    const { status, stderr } = await policy(["explain", file], "{");
    expect(status).toBe(1);
    expect(stderr).toMatch(/^confml: error: .*\n$/u);
    expect(stderr).toContain(message);
  });
});

describe("confml policy test", () => {
  const inAnHour = Math.floor(Date.now() / 1000) + 3600;
  const claims = {
    iss: authority,
    exp: inAnHour,
    "x-ms-attestation-type": "sgx",
    "x-ms-sgx-is-debuggable": false,
    "x-ms-sgx-mrenclave": code,
    "x-ms-sgx-svn": 3,
  };
  const jwt = (payload: object): string =>
    `e30.${Buffer.from(JSON.stringify(payload)).toString("base64url")}.c2ln\n`;

  beforeAll(async () => {
    await writeFile(join(folder, "good.jwt"), jwt(claims));
    await writeFile(join(folder, "no.jwt"), "no token");
    const options = ["--min-svn", "3", "--mrenclave", signer, "-o", "test.json"];
    expect((await policy([...exact, ...options])).status).toBe(0);
  });

  test("says so where one branch is met, and ends with 0", async () => {
    const { status, stdout, stderr } = await policy(["test", "good.jwt", "test.json"]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n")).toEqual([
      `"${authority}": met`,
      `"${authority}": not met`,
      `  x-ms-sgx-mrenclave: wanted "${signer}", got "${code}"`,
      "the policy is met",
      "note: the token's signature is not checked here",
      `note: the token is good until ${new Date(inAnHour * 1000).toISOString()}`,
      "",
    ]);
  });

  test("names each claim that fails, whatever it holds, and ends with 1", async () => {
    const bad = {
      ...claims,
      iss: "https://other.example",
      exp: 1700000000,
      nbf: inAnHour,
      "x-ms-sgx-svn": 1,
      "x-ms-sgx-is-debuggable": true,
      "x-ms-attestation-type": "\u009b2J\u202esgx\n",
    };
    const { status, stdout } = await policy(["test", "-", "test.json"], jwt(bad));
    expect(status).toBe(1);
    expect(stdout).toContain(`  iss: wanted "${authority}", got "https://other.example"\n`);
    expect(stdout).toContain("  x-ms-sgx-svn: wanted at least 3, got 1\n");
    expect(stdout).toContain('  x-ms-sgx-is-debuggable: wanted "false", got true\n');
    expect(stdout).toContain('wanted "sgx", got "\\u{9b}2J\\u{202e}sgx\\n"\n');
    expect(stdout).toContain("the policy is not met");
    expect(stdout).toContain("note: the token expired 2023-11-14T22:13:20.000Z\n");
    expect(stdout).toContain("note: the token is not good before ");
  });

  test("lists the alternatives of a choice that failed, and a claim that is not there", async () => {
    const choice = [
      { claim: "a", exists: "true" },
      {
        allOf: [
          { claim: "b", notEquals: 1 },
          { claim: "c.d", less: 2 },
        ],
      },
    ];
    await writeFile(
      join(folder, "choice.json"),
      JSON.stringify({ version: "1.0.0", anyOf: [{ authority, anyOf: choice }] }),
    );
    const token = jwt({ iss: authority, b: "1" });
    const { stdout } = await policy(["test", "-", "choice.json"], token);
    expect(stdout.split("\n").slice(0, 5)).toEqual([
      `"${authority}": not met`,
      "  at least one of these:",
      "  - a: wanted any value, got nothing",
      '  - b: wanted anything but 1, got "1"',
      "    c.d: wanted less than 2, got nothing",
    ]);
    expect(stdout).toContain("note: the token does not say when it expires");
  });

  test.each([
    ["no.jwt", "test.json", "no.jwt is no attestation token: not a JWT"],
    ["good.jwt", "good.jwt", "good.jwt is no release policy: not JSON"],
    ["none.jwt", "test.json", "ENOENT"],
  ])("cannot test %s against %s", async (token, file, message) => {
    const { status, stdout, stderr } = await policy(["test", token, file]);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^confml: error: .*\n$/u);
    expect(stderr).toContain(message);
  });
});

describe("confml policy client", () => {
  const hash = "12".repeat(32);

  test("writes a policy that the client's library reads, with the conditions that were given", async () => {
    const args = ["--mrenclave", code, "--min-svn", "2", "--model-sha256", hash.toUpperCase()];
    const platform = ["--tcb-status", "UpToDate", "--tcb-status", "SWHardeningNeeded"];
    const more = ["--advisory", "INTEL-SA-00615", "--max-age", "60", "--config-sha256", hash];
    const { status, stdout, stderr } = await policy(["client", ...args, ...platform, ...more]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(parseClientPolicy(stdout).branches).toHaveLength(1);
    expect(claimsOf(stdout)).toEqual({
      version: "1.0.0",
      anyOf: [
        {
          allOf: [
            { claim: "x-ms-attestation-type", equals: "sgx" },
            { claim: "x-ms-sgx-mrenclave", equals: code },
            { claim: "x-ms-sgx-svn", greaterOrEquals: 2 },
            { claim: "x-ms-sgx-is-debuggable", equals: "false" },
            { claim: "model-sha256", equals: hash },
            { claim: "config-sha256", equals: hash },
            {
              anyOf: [
                { claim: "tcb-status", equals: "UpToDate" },
                { claim: "tcb-status", equals: "SWHardeningNeeded" },
              ],
            },
            { claim: "tcb-advisories", subsetOf: ["INTEL-SA-00615"] },
            { claim: "max-age", lessOrEquals: 60 },
          ],
        },
      ],
    });
  });

  test("warns of a signer's code and of debug enclaves", async () => {
    const { status, stderr } = await policy([
      "client",
      "--trust-signer",
      ...signerOptions,
      "--allow-debug",
    ]);
    expect(status).toBe(0);
    expect(stderr).toMatch(
      /^confml: warning: whatever this signer signs[^]*^confml: warning: the machine's owner reads/mu,
    );
  });

  test.each([
    [[], "--mrenclave is missing"],
    [["--mrenclave", code, "--tcb-status", "Fine"], "--tcb-status wants one of UpToDate"],
    [["--mrenclave", code, "--advisory", "CVE-1"], "--advisory wants an advisory"],
    [["--mrenclave", code, "--max-age", "0"], "--max-age wants a number"],
    [["--mrenclave", code, "--model-sha256", "12"], "--model-sha256 wants 64 hex digits"],
    [["--mrenclave", code, "--authority", authority], "--authority"],
  ])("refuses %j", async (args, message) => {
    const { status, stderr } = await policy(["client", ...args]);
    expect([status, stderr]).toEqual([64, expect.stringContaining(message)]);
  });
});
