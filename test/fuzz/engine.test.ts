import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { keepInput, readCorpus } from "../../fuzz/corpus.js";
import { mutate, type MutationKind } from "../../fuzz/mutate.js";
import { runTarget } from "../../fuzz/run-target.js";
import { Session, type Usage } from "../../fuzz/session.js";
import type { Finding, Target } from "../../fuzz/target.js";
import { findTarget } from "../../fuzz/targets.js";
import { Random } from "../../scripts/random.js";
import { plant, readTexts } from "./planted.js";

const limits = { cpuMs: 250, growthBytes: 2 ** 20 };
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-fuzz-test-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function sessionOf(
  target: Target,
  options: { corpus?: Buffer[]; usage?: () => Usage; inputs?: Uint8Array[] } = {},
): Promise<Session> {
  const { corpus = [], usage = () => ({ cpuMs: 0, peakBytes: 0 }), inputs } = options;
  return new Session({
    target,
    prepared: await target.prepare(folder),
    corpus,
    seed: "test",
    limits,
    usage,
    onInput: (input) => {
      inputs?.push(input);
    },
  });
}

async function search(session: Session, most: number): Promise<Finding | undefined> {
  while (session.inputs < most) {
    const finding = await session.step();
    if (finding !== undefined) return finding;
  }
  return undefined;
}

describe("the fuzzer", () => {
  test("finds a planted bug, stores its input, and tries that input first in later runs", async () => {
    const target = plant(readTexts);
    const finding = await search(await sessionOf(target), 2000);
    expect(finding?.problem).toMatch(/^no 2\d\d bytes \(at .*planted/u);
    const file = await keepInput(target.name, finding?.input ?? Buffer.alloc(0), folder);
    expect(await readFile(file)).toEqual(Buffer.from(finding?.input ?? []));

    const corpus = await readCorpus(target.name, folder);
    const again = await sessionOf(target, { corpus });
    expect(await search(again, 2)).toMatchObject({ problem: finding?.problem });
    expect(await readCorpus("nobody's", folder)).toEqual([]);
  });

  test("generates the same inputs from the same seed", async () => {
    const made = await Promise.all(
      [0, 1].map(async () => {
        const inputs: Uint8Array[] = [];
        await search(
          await sessionOf(
            plant(() => "read"),
            { inputs },
          ),
          200,
        );
        return Buffer.concat(inputs).toString("hex");
      }),
    );
    expect(made[0]).toBe(made[1]);
  });

  test("reports an input that is slow every time, but not one that was slow once", async () => {
    for (const [slowRuns, isFound] of [
      [1, false],
      [3, true],
    ] as const) {
      let reads = 0;
      // Read before and after each run.
      const usage = (): Usage => {
        reads += 1;
        return { cpuMs: 300 * Math.min(slowRuns, Math.floor(reads / 2)), peakBytes: 0 };
      };
      const finding = await search(
        await sessionOf(
          plant(() => "read"),
          { usage },
        ),
        1,
      );
      expect(finding?.problem).toBe(isFound ? "took 300 ms of CPU time" : undefined);
    }
  });

  test("reports an input that takes much memory", async () => {
    let peakBytes = 0;
    const usage = (): Usage => ({ cpuMs: 0, peakBytes: (peakBytes += 2 ** 21) });
    const finding = await search(
      await sessionOf(
        plant(() => "read"),
        { usage },
      ),
      1,
    );
    expect(finding?.problem).toBe("took 2 MiB of memory");
  });

  test("reports a parser that writes into its input, or into the bytes before it", async () => {
    for (const at of [0, -1]) {
      const target = plant((input) => {
        Buffer.from(input.buffer)[input.byteOffset + at] = 7;
        return "read";
      });
      const finding = await search(await sessionOf(target), 1);
      expect(finding?.problem).toBe("the input was written to");
    }
  });

  test("mutates inputs that had new outcomes", async () => {
    // Each of four bytes is compared only if the one before is right, so they must be found one after the other.
    const wanted = Buffer.from("00ff7f80", "hex");
    const target = plant(
      (input) => {
        const right = wanted.findIndex((byte, at) => input[at] !== byte);
        if (right < 0) throw new Error("all four");
        return "abcd".charAt(right);
      },
      ["...."],
    );
    expect(await search(await sessionOf(target), 20_000)).toMatchObject({
      problem: expect.stringContaining("all four"),
    });
  });

  test.each<MutationKind>(["bytes", "json", "token"])(
    "keeps mutated inputs of kind %s within the maximum length",
    (kind) => {
      const random = new Random(kind);
      let input: Uint8Array = Buffer.from('{"a":[1,"b",{"c":null}]}');
      const seen = new Set<string>();
      for (let count = 0; count < 500; count += 1) {
        const other = Buffer.from('{"d":2}');
        input = mutate(input, { kind, random, other, maxBytes: 100, dictionary: ["word"] });
        expect(input.length).toBeLessThanOrEqual(100);
        seen.add(Buffer.from(input).toString("hex"));
      }
      expect(seen.size).toBeGreaterThan(100);
    },
  );
});

describe("the process of a target", () => {
  const job = { seed: "test", seconds: 1 };
  const planted = (name: string): string =>
    fileURLToPath(new URL(`../fixtures/fuzz/${name}.mjs`, import.meta.url));

  test("is reported with the input if an input ends it", async () => {
    const { finding } = await runTarget({
      ...job,
      target: planted("greedy"),
      corpus: folder,
      heapMiB: 32,
    });
    expect(finding?.problem).toMatch(/^ended the process \(SIGABRT\): .*heap/u);
    expect(finding?.input.toString()).toBe("greedy");
  });

  test("is reported with the input if it does not end", async () => {
    const { finding } = await runTarget({
      ...job,
      target: planted("endless"),
      corpus: folder,
      silenceMs: 2000,
    });
    expect(finding?.problem).toBe("did not end within 2000 ms");
    expect(finding?.input.toString()).toBe("endless");
  });

  test("reports how many inputs it tried", async () => {
    const { report, finding } = await runTarget({ ...job, target: "openssl-cbc", corpus: folder });
    expect(finding).toBeUndefined();
    expect(report).toMatchObject({ done: true });
    expect(report.inputs).toBeGreaterThan(5);
  });

  test("refuses the name of an unknown target", async () => {
    await expect(findTarget("none")).rejects.toThrow(
      /^expected one of the targets jwe, .*; got "none"$/u,
    );
  });
});
