import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { readWorkflows } from "./workflow-files.js";

const step = readWorkflows().find(({ path }) => path.endsWith("/ci.yml"))?.jobs["sgx-available"]
  ?.steps?.[0];
const there = { PROTECTED: "true", SGX_RUNNER: "true", SAMPLES: "true" };

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
    expect(output).toBe("run=false\n");
    expect(log).toBe(`::notice title=SGX job skipped::not set here: variable ${name}\n`);
    expect(page).toContain(`SGX job skipped: nothing here has run in a TEE.** not set here`);
  });

  test("names all that is missing", () => {
    const { log } = ask({ ...there, SGX_RUNNER: "false", SAMPLES: "false" });
    expect(log).toContain("::not set here: variable SGX_RUNNER, variable SAMPLES\n");
  });

  test.each(["false", "", "TRUE"])(
    "is answered with no for other refs, whatever is there: %j",
    (value) => {
      const { log, output } = ask({ ...there, PROTECTED: value });
      expect(output).toBe("run=false\n");
      expect(log).toContain("only main and tags of versions");
    },
  );

  test("is told of main and of versions' tags, and not of any secret", () => {
    expect(step?.env).toEqual({
      PROTECTED: "${{ github.ref == 'refs/heads/main' || startsWith(github.ref, 'refs/tags/v') }}",
      SGX_RUNNER: "${{ vars.SGX_RUNNER != '' }}",
      SAMPLES: "${{ vars.SAMPLES != '' }}",
    });
  });
});
