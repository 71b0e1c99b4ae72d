import { rank, type Prediction } from "../../inference/ranking.js";
import type { AnswerSize } from "../answer-size.js";
import { classifyAdmitted } from "../classify-admitted.js";
import { render } from "../render.js";
import { revealsProbabilities } from "../classify-upload.js";
import type { Body } from "../request-body.js";
import { allOrNone } from "./all-or-none.js";
import { toClassification, toProbabilities } from "./output.js";
import type { InferenceOptions, InferenceToRun } from "./read-inference.js";
import type { OutputTensor } from "./response.js";

export interface RunContext {
  options: InferenceOptions;
  /** The length of encrypted answers. */
  answerSize: AnswerSize;
  /** It is released when all files are decoded. */
  body: Body;
  /** Of the client (client-address.ts). */
  address: string | undefined;
  /** Aborts when the client has disconnected or the request's deadline has passed. */
  signal: AbortSignal;
}

/**
 * Classifies the pictures of a request. Each goes through the queues of POST /evaluate alone, and shares runs with others.
 *
 * @throws RequestError for the first picture that fails; there is no answer for a part of the pictures
 */
export async function runInference(
  inference: InferenceToRun,
  context: RunContext,
): Promise<OutputTensor> {
  const { output, pictures } = inference;
  if (output.kind === "sealed") {
    if (!("files" in pictures)) throw new Error("an encrypted answer to a plain tensor");
    const tokens = await sealFiles(pictures.files, inference, context);
    return { shape: [tokens.length], data: tokens, isSealed: true };
  }
  const { options } = context;
  const rows =
    "files" in pictures
      ? (await classifyFiles(pictures.files, inference, context)).map(
          ({ answer }) => answer.predictions,
        )
      : await classifyTensors(pictures.tensors, inference, context);
  if (output.kind === "probabilities") return probabilityTensor(rows, options);
  const withProbability = revealsProbabilities(inference.format, options.results);
  const texts = rows.flatMap((row) => row.map((one) => toClassification(one, withProbability)));
  return { shape: [rows.length, output.top], data: texts, isSealed: false };
}

async function sealFiles(
  files: readonly Buffer[],
  inference: InferenceToRun,
  context: RunContext,
): Promise<string[]> {
  const { answerSize, options } = context;
  const classified = await classifyFiles(files, inference, context);
  return Promise.all(
    classified.map(async (one) => {
      const { attestation } = options;
      return (await render("application/jose", one, { attestation, answerSize })).body;
    }),
  );
}

async function classifyFiles(
  files: readonly Buffer[],
  { format, type, output: { top } }: InferenceToRun,
  { options, body, address, signal }: RunContext,
): ReturnType<typeof allOrNone<Buffer, Awaited<ReturnType<typeof classifyAdmitted>>>> {
  const held = new Set(files);
  return allOrNone(files, signal, async (bytes, either) => {
    const release = (): void => {
      held.delete(bytes);
      if (held.size === 0) body.release();
    };
    const upload = { name: "", mediaType: "", bytes, release };
    const admitted = {
      ...{ upload, format, top, type, address },
      ...{ signal: either, receipt: undefined },
    };
    return classifyAdmitted(admitted, options);
  });
}

async function classifyTensors(
  tensors: readonly Float32Array[],
  { output: { top } }: InferenceToRun,
  { options, signal }: RunContext,
): Promise<Prediction[][]> {
  const { classifier, onStage } = options;
  return allOrNone(tensors, signal, async (tensor, either) => {
    const classification = await classifier.classify(tensor, either, undefined);
    onStage("queue", classification.queueMs);
    onStage("inference", classification.inferenceMs);
    return rank(classification.probabilities, classifier.model.labels, top);
  });
}

function probabilityTensor(
  rows: readonly (readonly Prediction[])[],
  { classifier: { model } }: InferenceOptions,
): OutputTensor {
  const classes = model.labels.length;
  const data = new Float32Array(rows.length * classes);
  rows.forEach((row, index) => {
    data.set(toProbabilities(row, model), index * classes);
  });
  return { shape: [rows.length, classes], data, isSealed: false };
}
