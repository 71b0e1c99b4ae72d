import { MessageChannel } from "node:worker_threads";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describeCause, type RefusedError } from "../errors.js";
import { maxGraphDepth, NestingError } from "../onnx/graph.js";
import { lendWeights, type LentWeights } from "../onnx/lend-weights.js";
import { hasExternalData } from "./external-data.js";
import { readModel } from "../onnx/read.js";
import { modelInvalid } from "./model-invalid.js";
import { isOutOfMemory } from "./out-of-memory.js";
import { findRandomOperator, findRandomOperatorInOrt } from "./random-operators.js";
import { sessionOptions, type LoadOptions } from "./session-options.js";

/** A model in ONNX Runtime, whatever its inputs and outputs are. */
export interface Runtime {
  inputs: InferenceSession["inputMetadata"];
  outputs: InferenceSession["outputMetadata"];
  /** @returns the output, its data in memory of its own; without shape where it is no tensor */
  run: (
    input: string,
    data: Float32Array,
    dims: readonly number[],
    output: string,
  ) => Promise<{ data: unknown; dims: readonly number[] }>;
  release: () => Promise<void>;
}

/**
 * Loads a model. Of its bytes it keeps what it needs and wipes the rest:
 *
 * - packed: ONNX Runtime copies everything; the bytes go back to the system at once.
 * - in place: ORT format is used as it lies there. Of ONNX, which ONNX Runtime cannot but copy, the large
 *   matrices are fed in each run from where they lie, and only the rest is loaded.
 *
 * @param bytes taken over; in a buffer of their own
 * @throws RefusedError MODEL_INVALID
 */
export async function loadRuntime(bytes: Uint8Array, options: LoadOptions): Promise<Runtime> {
  const { format, weights } = options;
  if (format === "onnx" && understood(options, () => hasExternalData(bytes))) {
    throw modelInvalid(
      "a model whole in one file",
      "one that reads other files (external data)",
      "Save the model with its weights inside",
    );
  }
  const operator =
    format === "ort"
      ? findRandomOperatorInOrt(bytes)
      : understood(options, () => findRandomOperator(bytes));
  if (operator !== undefined) {
    throw modelInvalid(
      "a model without random numbers, whose answer to a picture depends on nothing else",
      `one with the operator ${operator}`,
      "Export the model for inference, not for training",
    );
  }
  if (weights === "packed") {
    const session = await createSession(bytes, options);
    discard(bytes);
    return runtimeOf(session, new Map(), undefined);
  }
  if (format === "ort") return runtimeOf(await createSession(bytes, options), new Map(), bytes);
  const lent = understood(options, () => lendWeights(bytes));
  return runtimeOf(await createSession(lent.model, options), lent.weights, bytes);
}

/** @param bytes what the session works on, as long as it lives */
function runtimeOf(
  session: InferenceSession,
  weights: LentWeights["weights"],
  bytes: Uint8Array | undefined,
): Runtime {
  const constant = Object.fromEntries(
    Array.from(weights, ([name, { dims, data }]) => [name, new Tensor("float32", data, dims)]),
  );
  return {
    inputs: session.inputMetadata.filter(({ name }) => !weights.has(name)),
    outputs: session.outputMetadata,
    run: async (input, data, dims, output) => {
      const feeds = { ...constant, [input]: new Tensor("float32", data, dims) };
      const tensor = (await session.run(feeds, [output]))[output];
      return { data: tensor?.data, dims: tensor?.dims ?? [] };
    },
    release: async () => {
      await session.release();
      bytes?.fill(0);
    },
  };
}

async function createSession(model: Uint8Array, options: LoadOptions): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(model, sessionOptions(options));
  } catch (cause) {
    if (isOutOfMemory(cause)) throw cause;
    if (!isModel(model, options)) throw notAModel(options, cause);
    throw modelInvalid(
      "a model that ONNX Runtime loads",
      describeCause(cause),
      "Check that onnxruntime-node runs this model, and export it anew",
      cause,
    );
  }
}

function understood<T>(options: LoadOptions, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof NestingError)) throw notAModel(options, cause);
    throw modelInvalid(
      `If, Loop and Scan at most ${maxGraphDepth} deep inside each other`,
      "more",
      "Export the model with fewer of them",
    );
  }
}

/** Whether bytes are a model at all, whatever ONNX Runtime finds wrong with it: then the key is right. */
function isModel(bytes: Uint8Array, { format }: LoadOptions): boolean {
  if (format === "ort") return Buffer.from(bytes.subarray(4, 8)).toString("latin1") === "ORTM";
  try {
    return readModel(bytes).nodes.length > 0;
  } catch {
    return false;
  }
}

/** One wrong key in 256 leaves padding that looks right, so this too can be a wrong key. */
function notAModel({ format }: LoadOptions, cause: unknown): RefusedError {
  const what = format === "ort" ? "a model in ORT format" : "an ONNX model";
  return modelInvalid(
    `${what} under the decryption`,
    describeCause(cause),
    "Check that the model's key is the one that this file was encrypted with, and that Inference.Model.Format says what the file is",
    cause,
  );
}

/** Wipes bytes and gives their memory back now, not when the garbage collector gets to it. */
function discard(bytes: Uint8Array): void {
  bytes.fill(0);
  const { buffer } = bytes;
  if (!(buffer instanceof ArrayBuffer)) return;
  // A message that nobody will ever receive takes what it carries with it.
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.postMessage(buffer, [buffer]);
  port1.close();
}
