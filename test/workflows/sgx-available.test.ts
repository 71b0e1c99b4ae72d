import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { readWorkflows } from "./workflow-files.js";

const step = readWorkflows().find(({ path }) => path.endsWith("/ci.yml"))?.jobs["sgx-available"]
  ?.steps?.[0];
const there = {
  FORK: "false",
  CLIENT_ID: "true",
  CLIENT_SECRET: "true",
  APP_ID: "true",
  MHSM_AAD_URL: "true",
  SSR_PKEY: "true",
  SGX_RUNNER: "true",
  SAMPLES: "true",
};
const variables = ["SGX_RUNNER", "SAMPLES"];

describe("the question whether the SGX job can run", () => {
  let folder = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "confml-workflow-"));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function ask(environment: Record<string, string>): { log: string; output: string; page: string } {
    const output = join(folder, "output");
    const page = join(folder, "summary");
    const PATH = process.env["PATH"] ?? "";
    const log = execFileSync(
      "bash",
      ["--noprofile", "--norc", "-eo", "pipefail", "-c", step?.run ?? "exit 1"],
      {
        env: { PATH, GITHUB_OUTPUT: output, GITHUB_STEP_SUMMARY: page, ...environment },
        encoding: "utf8",
      },
    );
    return { log, output: readFileSync(output, "utf8"), page: readFileSync(page, "utf8") };
  }

  test("asks for what the step is given", () => {
    expect(Object.keys(step?.env ?? {})).toEqual(Object.keys(there));
  });

  test("is answered with yes where everything is there", () => {
    expect(ask(there)).toEqual({
      log: "",
      output: "run=true\n",
      page: "The SGX job runs.\n",
    });
  });

  test.each(Object.keys(there).slice(1))("says aloud that %s is missing", (name) => {
    const { log, output, page } = ask({ ...there, [name]: "false" });
    const kind = variables.includes(name) ? "variable" : "secret";
    expect(output).toBe("run=false\n");
    expect(log).toBe(`::notice title=SGX job skipped::not set here: ${kind} ${name}\n`);
    expect(page).toContain(`SGX job skipped: nothing here has run in a TEE.** not set here`);
  });

  test("names all that is missing", () => {
    const { log } = ask({ ...there, APP_ID: "false", SGX_RUNNER: "false" });
    expect(log).toContain("::not set here: secret APP_ID, variable SGX_RUNNER\n");
  });

  test("is answered with no for a fork, whatever is there", () => {
    const { log, output } = ask({ ...there, FORK: "true" });
    expect(output).toBe("run=false\n");
    expect(log).toContain("pull requests from forks");
  });
});
