import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readCorpus } from "../../fuzz/corpus.js";
import { projectFolder } from "../../scripts/project.js";
import { Session } from "../../fuzz/session.js";
import { targets } from "../../fuzz/targets.js";

const mutatedInputs = 250;
/** `make fuzz` measures time and memory, in a process for each target. */
const limits = { cpuMs: Infinity, growthBytes: Infinity };
let scratch = "";

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "confml-fuzz-test-"));
});

afterAll(async () => {
  await rm(scratch, { recursive: true });
});

describe.each(targets)("the parser of $name", (target) => {
  test("has no finding for the stored inputs and some generated ones", async () => {
    const prepared = await target.prepare(scratch);
    const corpus = await readCorpus(target.name);
    const session = new Session({ target, prepared, corpus, seed: "make test", limits });
    const inputs = prepared.seeds.length + corpus.length + mutatedInputs;
    while (session.inputs < inputs) expect(await session.step()).toBeUndefined();
    // If all inputs had the same outcome, the parser behind the first check would not be tested.
    expect(session.outcomes).toBeGreaterThan(1);
  });

  test("is in source files that exist", () => {
    expect(target.parsers.length).toBeGreaterThan(0);
    for (const file of target.parsers) expect(existsSync(join(projectFolder, file))).toBe(true);
  });
});
