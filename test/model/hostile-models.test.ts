import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { OnnxClassifier } from "../../src/inference/onnx-classifier.js";
import type { Fault } from "../../src/model/faults.js";
import { loadManifest, type Manifest } from "../../src/model/manifest.js";
import { createModelSession, type ModelSession } from "../../src/model/session.js";
import { node } from "../onnx/tiny-network.js";
import { loadOptions } from "../helpers/load-options.js";
import { projectFolder } from "../helpers/server-process.js";
import {
  answersNaN,
  exceedsOne,
  failsForThree,
  poisonsBatch,
  twistedModel,
  type Twist,
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

/** A picture all of one colour, from 0 to 1. */
function picture(colour: Colour): Uint8Array {
  return Uint8Array.from({ length: 3 * 32 * 32 }, (_, at) => (colour[at % 3] ?? 0) * 255);
}

interface Outcome {
  /** To two digits; undefined for a picture without an answer. */
  answers: (number[] | undefined)[];
  faults: readonly (Fault | undefined)[];
}

async function run(twist: Twist, colours: readonly Colour[]): Promise<Outcome> {
  const session = await createModelSession(twistedModel(twist), manifest, loadOptions);
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

describe("a model that has no answer to one picture of a batch", () => {
  test.each([
    ["answers NaN for it", answersNaN],
    ["answers NaN for the whole batch", poisonsBatch],
  ])("and %s: the others get theirs", async (_, twist) => {
    const colours = [...honest.slice(0, 3), magenta, ...honest.slice(3)];
    const { answers, faults } = await run(twist, colours);
    expect(faults[3]).toBe("not finite");
    expect(answers).toEqual(
      colours.map((colour) => (colour === magenta ? undefined : right(colour))),
    );
  });

  test("and fails for three and more: each is run alone", async () => {
    expect(await run(failsForThree, honest)).toEqual({
      answers: honest.map(right),
      faults: honest.map(() => undefined),
    });
  });

  test("and answers with what are no probabilities", async () => {
    const output = { ...manifest.output, type: "probabilities" as const };
    const session = await createModelSession(
      twistedModel(exceedsOne),
      { ...manifest, output },
      loadOptions,
    );
    const classifier = new OnnxClassifier({
      session,
      maxBatch: 8,
      maxBatchDelayMs: 0,
      maxQueue: 8,
      onBatch: () => undefined,
      onFault: (fault) => faults.push(fault),
    });
    const faults: Fault[] = [];
    const colours: readonly Colour[] = [[1, 0, 0], magenta, [0, 1, 0], [0, 0, 1]];
    const answers = await Promise.allSettled(
      colours.map((colour) => classifier.classify(picture(colour), never)),
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

  test("is refused where it is the first picture", async () => {
    const output = { ...manifest.output, type: "probabilities" as const };
    const load = createModelSession(
      twistedModel({ nodes: [node("Identity", ["honest"], "scores")] }),
      { ...manifest, output },
      loadOptions,
    );
    await expect(load).rejects.toThrow(
      /probabilities from 0 to 1 with a sum of 1, as the manifest's output\.type says; got numbers from/u,
    );
  });
});
