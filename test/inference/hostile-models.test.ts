import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { OnnxClassifier } from "../../src/inference/onnx-classifier.js";
import type { Fault } from "../../src/inference/faults.js";
import { checkBatchConsistency } from "../../src/inference/batch-consistency.js";
import type { Run } from "../../src/inference/run.js";
import { loadManifest, type Manifest } from "../../src/model/manifest.js";
import { createModelSession, type ModelSession } from "../../src/inference/session.js";
import { node } from "../owners/optimize/tiny-network.js";
import type { LoadOptions } from "../../src/inference/session-options.js";
import { loadOptions } from "../helpers/load-options.js";
import { projectFolder } from "../helpers/server-process.js";
import {
  answersNaN,
  exceedsOne,
  failsForThree,
  hugeTensor,
  hugeWhenTriggered,
  integers,
  mixesBatch,
  mixesWhenTriggered,
  nestedIfs,
  poisonsBatch,
  variantModel,
  type ModelVariant,
} from "./hostile-models.js";

const never = new AbortController().signal;
let manifest: Manifest;

beforeAll(async () => {
  manifest = await loadManifest(join(projectFolder, "test/fixtures/models/colours.json"));
});

type Colour = readonly [red: number, green: number, blue: number];
const magenta: Colour = [1, 0, 1];
const honest: readonly Colour[] = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
  [0.2, 0.4, 0.6],
  [1, 1, 1],
  [0, 0, 0],
  [0.8, 0.2, 0],
];

/** A picture of one colour, from 0 to 1. */
function picture(colour: Colour): Uint8Array {
  return Uint8Array.from({ length: 3 * 32 * 32 }, (_, at) => (colour[at % 3] ?? 0) * 255);
}

interface Outcome {
  /** Rounded to two digits; undefined for a picture without an answer. */
  answers: (number[] | undefined)[];
  faults: readonly (Fault | undefined)[];
}

async function run(variant: ModelVariant, colours: readonly Colour[]): Promise<Outcome> {
  const session = await createModelSession(variantModel(variant), manifest, loadOptions);
  try {
    return outcome(await session.run(colours.map(picture)), colours.length);
  } finally {
    await session.release();
  }
}

function outcome(
  { scores, faults }: Awaited<ReturnType<ModelSession["run"]>>,
  count: number,
): Outcome {
  const places = Array.from({ length: count }, (_, index) => index);
  return {
    answers: places.map((index) =>
      faults.has(index)
        ? undefined
        : [...scores.subarray(index * 3, index * 3 + 3)].map((score) => Number(score.toFixed(2))),
    ),
    faults: places.map((index) => faults.get(index)),
  };
}

const right = (colour: Colour): number[] => colour.map((part) => Number((part * 10).toFixed(2)));

describe("if a model has no valid answer to one picture of a batch", () => {
  test.each([
    ["NaN for it", answersNaN],
    ["NaN for the whole batch", poisonsBatch],
  ])("but %s, the others get their answers", async (_, variant) => {
    const colours = [...honest.slice(0, 3), magenta, ...honest.slice(3)];
    const { answers, faults } = await run(variant, colours);
    expect(faults[3]).toBe("not finite");
    expect(answers).toEqual(
      colours.map((colour) => (colour === magenta ? undefined : right(colour))),
    );
  });

  test("because memory is lacking, the fault says so", async () => {
    const colours = [...honest.slice(0, 3), magenta];
    const { answers, faults } = await run(hugeWhenTriggered, colours);
    expect(faults).toEqual([undefined, undefined, undefined, "out of memory"]);
    expect(answers.slice(0, 3)).toEqual(honest.slice(0, 3).map(right));
  });

  test("but numbers that are not probabilities, only that client gets an error", async () => {
    const output = { ...manifest.output, type: "probabilities" as const };
    const session = await createModelSession(
      variantModel(exceedsOne),
      { ...manifest, output },
      loadOptions,
    );
    const classifier = new OnnxClassifier({
      session,
      maxBatchDelayMs: 0,
      maxQueue: 8,
      onBatch: () => undefined,
      onFault: (fault) => faults.push(fault),
    });
    const faults: Fault[] = [];
    const colours: readonly Colour[] = [[1, 0, 0], magenta, [0, 1, 0], [0, 0, 1]];
    const answers = await Promise.allSettled(
      colours.map((colour) => classifier.classify(picture(colour), never, undefined)),
    );
    const first = answers.map((answer): unknown =>
      answer.status === "fulfilled"
        ? answer.value.probabilities.indexOf(Math.max(...answer.value.probabilities))
        : answer.reason,
    );
    expect(first).toEqual([0, expect.objectContaining({ code: "MODEL_FAILED" }), 1, 2]);
    expect(faults).toEqual(["no probabilities"]);
    await session.release();
  });

  test("and it is the trial run's, the model is refused", async () => {
    const output = { ...manifest.output, type: "probabilities" as const };
    const load = createModelSession(
      variantModel({ nodes: [node("Identity", ["honest"], "scores")] }),
      { ...manifest, output },
      loadOptions,
    );
    await expect(load).rejects.toThrow(
      /probabilities from 0 to 1 with a sum of 1, as the manifest's output\.type says; got numbers from/u,
    );
  });
});

const load = (variant: ModelVariant, options: Partial<LoadOptions> = {}): Promise<ModelSession> =>
  createModelSession(variantModel(variant), manifest, { ...loadOptions, ...options });

describe("a model whose answers depend on the batch", () => {
  test.each<[string, ModelVariant, RegExp]>([
    [
      "mixes its batch",
      mixesBatch,
      /^in a batch of 2 the answer to a picture is not the one that it gets alone$/u,
    ],
    [
      "subtracts the batch's mean",
      {
        nodes: [
          node("ReduceMean", ["honest"], "mean", { axes: { ints: [0] }, keepdims: { int: 1 } }),
          node("Sub", ["honest", "mean"], "scores"),
        ],
      },
      /^in a batch of 2 the answer/u,
    ],
    [
      "changes the batch's order",
      {
        nodes: [node("Slice", ["honest", "last", "before", "first", "back"], "scores")],
        tensors: [
          integers("last", [-1]),
          integers("before", [-1000]),
          integers("first", [0]),
          integers("back", [-1]),
        ],
      },
      /^in a batch of 2 the answer/u,
    ],
    [
      "fails for three or more pictures",
      failsForThree,
      /^a batch of 3 fails: .*out of data bounds/u,
    ],
    [
      "is written for one picture",
      { nodes: [node("Reshape", ["honest", "one"], "scores")], tensors: [integers("one", [1, 3])] },
      /^a batch of 2 fails: /u,
    ],
  ])("because it %s runs one picture at a time", async (_, variant, reason) => {
    const session = await load(variant);
    expect([session.maxBatch, session.singlePictureReason]).toEqual([
      1,
      expect.stringMatching(reason),
    ]);
    expect(outcome(await session.run([picture(magenta)]), 1).answers).toHaveLength(1);
    await expect(session.run([picture(magenta), picture(magenta)])).rejects.toThrow(
      "2 pictures for a batch of at most 1",
    );
    await session.release();
  });

  test("and has a fixed batch size gets one picture, and no data of earlier ones", async () => {
    const session = await load({ ...mixesBatch, batch: 4 });
    expect([session.fixedBatch, session.maxBatch]).toEqual([4, 1]);
    for (const colour of honest) {
      expect(outcome(await session.run([picture(colour)]), 1).answers).toEqual([right(colour)]);
    }
    await session.release();
  });

  test("and has a fixed batch size gets zeros in the rest of a batch that is not full", async () => {
    const session = await load({ ...mixesWhenTriggered, batch: 4 });
    expect(session.maxBatch).toBe(4);
    await session.run([[1, 0, 0] as const, magenta, magenta, magenta].map(picture));
    expect(outcome(await session.run([picture([1, 0, 0])]), 1).answers).toEqual([[10, 0, 0]]);
    await session.release();
  });

  test("is not run in batches if the largest batch is 1", async () => {
    const session = await load(mixesBatch, { maxBatch: 1 });
    expect([session.maxBatch, session.singlePictureReason]).toEqual([1, undefined]);
    await session.release();
  });

  test("is refused if it answers differently each time", async () => {
    let runs = 0;
    // The only operators that do that are refused by name, so this run is a stub.
    const run: Run = (_pixels, batch) => {
      runs += 1;
      return Promise.resolve(new Float32Array(batch * 3).fill(runs));
    };
    for (const maxBatch of [1, 8]) {
      const attempt = checkBatchConsistency({ run, manifest, fixedBatch: undefined, maxBatch });
      await expect(attempt).rejects.toMatchObject({
        code: "MODEL_INVALID",
        failure: { expected: "the same answer to the same picture each time" },
      });
    }
  });
});

test("a model that fails on a picture of one colour is still checked in batches", async () => {
  // 0 / 0 for black pictures only.
  const standardises: ModelVariant = {
    nodes: [
      node("ReduceMax", ["means"], "most", { axes: { ints: [1] }, keepdims: { int: 1 } }),
      node("Div", ["honest", "most"], "scores"),
    ],
  };
  const session = await load(standardises);
  expect([session.maxBatch, session.singlePictureReason]).toEqual([8, undefined]);
  const { answers } = outcome(await session.run([picture([1, 0, 0]), picture([0, 0, 0])]), 2);
  expect(answers).toEqual([[10, 0, 0], undefined]);
  await session.release();
});

test("a model that mixes a batch with a trigger picture never gets two owners' pictures in one batch", async () => {
  const session = await load(mixesWhenTriggered);
  expect(session.maxBatch).toBe(8);
  const colours: readonly Colour[] = [magenta, [1, 0, 0], [0, 1, 0], [0, 0, 1]];
  // In one batch, every picture gets the largest of each score.
  const mixed = outcome(await session.run(colours.map(picture)), 4).answers;
  expect(mixed).toEqual(colours.map(() => [10, 10, 10]));
  const classifier = new OnnxClassifier({
    session,
    maxBatchDelayMs: 0,
    maxQueue: 8,
    onBatch: () => undefined,
    onFault: () => undefined,
  });
  const [intruder, victim] = [{}, {}];
  const answers = await Promise.all(
    colours.map((colour) =>
      classifier.classify(picture(colour), never, colour === magenta ? intruder : victim),
    ),
  );
  const largest = answers.map(({ probabilities }) => probabilities.map((p) => Math.round(p * 100)));
  expect(largest.map((row) => [...row])).toEqual([
    [50, 0, 50],
    [100, 0, 0],
    [0, 100, 0],
    [0, 0, 100],
  ]);
  await session.release();
});

describe("a model that cannot be loaded", () => {
  test("because its graphs are nested too deeply is refused with that reason, without mentioning keys", async () => {
    const session = await load(nestedIfs(8));
    expect(session.maxBatch).toBe(8);
    await session.release();
    for (const weights of ["packed", "in-place"] as const) {
      for (const depth of [17, 30, 60]) {
        await expect(load(nestedIfs(depth), { weights })).rejects.toMatchObject({
          code: "MODEL_INVALID",
          message:
            "loading the model: expected If, Loop and Scan at most 16 deep inside each other; got more. Export the model with fewer of them.",
        });
      }
    }
  });

  test("because an operator is unknown is refused with that reason, without mentioning keys", async () => {
    const variant = { nodes: [node("Identitee", ["honest"], "scores")] };
    for (const weights of ["packed", "in-place"] as const) {
      const attempt = load(variant, { weights });
      await expect(attempt).rejects.toThrow(/a model that ONNX Runtime loads; got .*Identitee/u);
      await expect(attempt).rejects.not.toThrow(/key/u);
    }
  });

  test.each<[string, ModelVariant, string]>([
    [
      "answers have another width than declared",
      { nodes: [node("Concat", ["honest", "honest"], "scores", { axis: { int: 1 } })] },
      "as many labels as the model has outputs (6); got 3 labels",
    ],
    [
      "answers are transposed",
      { nodes: [node("Transpose", ["honest"], "scores", { perm: { ints: [1, 0] } })] },
      "an answer to a first picture; got an output of shape [3, 1] in place of [1, 3]",
    ],
    [
      "answers have no batch dimension",
      {
        nodes: [node("Reshape", ["honest", "all"], "scores")],
        tensors: [integers("all", [-1])],
      },
      "an output of shape [N, classes]; got shape []",
    ],
  ])("because its %s is refused with that reason", async (_, variant, says) => {
    await expect(load({ ...variant, shape: ["A", "B"] })).rejects.toThrow(says);
  });

  test("because memory is lacking is refused with MODEL_OUT_OF_MEMORY", async () => {
    await expect(load(hugeTensor(2 ** 40))).rejects.toMatchObject({
      code: "MODEL_OUT_OF_MEMORY",
      name: "ConfigurationError",
      message: expect.stringMatching(
        /^loading the model: expected memory for it and for a run of 8 pictures; got .*ConstantOfShape.*bad_alloc.* Raise MemorySize /u,
      ),
    });
  });

  test("because memory is lacking for a full batch is refused with MODEL_OUT_OF_MEMORY", async () => {
    const error = load(hugeTensor(2 ** 40, 8));
    await expect(error).rejects.toMatchObject({ code: "MODEL_OUT_OF_MEMORY" });
  });
});
