import { MessageChannel } from "node:worker_threads";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describeCause, type RefusedError } from "../errors.js";
import { maxGraphDepth, NestingError } from "../onnx/graph.js";
import { lendWeights, type LentWeights } from "../onnx/lend-weights.js";
import { hasExternalData } from "../onnx/external-data.js";
import { readModel } from "../onnx/read.js";
import { modelInvalid } from "./model-invalid.js";
import { isOutOfMemory } from "../model/out-of-memory.js";
import { findRandomOperator, findRandomOperatorInOrt } from "../onnx/random-operators.js";
import { sessionOptions, type LoadOptions } from "./session-options.js";

/** A model loaded in ONNX Runtime. Its inputs and outputs have not been compared with a manifest yet. */
export interface Runtime {
  /** The model's inputs, without those for weights that `lendWeights` added. */
  inputs: InferenceSession["inputMetadata"];
  outputs: InferenceSession["outputMetadata"];
  /**
   * Runs the model once.
   *
   * @param input name of the input
   * @param data the input's elements, in the shape `dims`
   * @param output name of the output to compute
   * @returns the output in newly allocated memory; `dims` is empty if it is not a tensor
   */
  run: (
    input: string,
    data: Float32Array,
    dims: readonly number[],
    output: string,
  ) => Promise<{ data: unknown; dims: readonly number[] }>;
  /** Frees the session's memory, and wipes the model's bytes if they are in use. */
  release: () => Promise<void>;
}

/**
 * Loads a model.
 *
 * - Weights "packed": ONNX Runtime copies the whole model; the bytes are wiped and freed at once.
 * - Weights "in-place", ORT format: ONNX Runtime works on the bytes themselves.
 * - Weights "in-place", ONNX, which ONNX Runtime always copies: large matrices stay in the bytes and are fed in each run;
 *   only the rest is loaded.
 *
 * In-place bytes are wiped when the runtime is released.
 *
 * @param bytes the decrypted model, taken over; the buffer must hold nothing else
 * @throws RefusedError MODEL_INVALID; ONNX Runtime's error if memory is lacking (isOutOfMemory)
 */
export async function loadRuntime(bytes: Uint8Array, options: LoadOptions): Promise<Runtime> {
  const { format, weights } = options;
  if (format === "onnx" && parse(options, () => hasExternalData(bytes))) {
    throw modelInvalid(
      "a model whole in one file",
      "one that reads other files (external data)",
      "Save the model with its weights inside",
    );
  }
  const operator =
    format === "ort"
      ? findRandomOperatorInOrt(bytes)
      : parse(options, () => findRandomOperator(bytes));
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
  const lent = parse(options, () => lendWeights(bytes));
  return runtimeOf(await createSession(lent.model, options), lent.weights, bytes);
}

/** @param bytes memory that the session uses until it is released; undefined if it has copied everything */
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

/** Runs a parser, and maps its errors to MODEL_INVALID. */
function parse<T>(options: LoadOptions, read: () => T): T {
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

/** Whether the bytes look like a model. If so, the key was right, and ONNX Runtime refuses the model for another reason. */
function isModel(bytes: Uint8Array, { format }: LoadOptions): boolean {
  if (format === "ort") return Buffer.from(bytes.subarray(4, 8)).toString("latin1") === "ORTM";
  try {
    return readModel(bytes).nodes.length > 0;
  } catch {
    return false;
  }
}

/**
 * Creates a MODEL_INVALID that also suggests a wrong key: about one wrong key in 256 decrypts to bytes with valid padding,
 * so decryption alone does not detect it.
 */
function notAModel({ format }: LoadOptions, cause: unknown): RefusedError {
  const what = format === "ort" ? "a model in ORT format" : "an ONNX model";
  return modelInvalid(
    `${what} under the decryption`,
    describeCause(cause),
    "Check that the model's key is the one that this file was encrypted with, and that Inference.Model.Format says what the file is",
    cause,
  );
}

/** Wipes bytes and frees their memory at once, without waiting for the garbage collector. */
function discard(bytes: Uint8Array): void {
  bytes.fill(0);
  const { buffer } = bytes;
  // A small Buffer is a part of a pool, which other Buffers use.
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== bytes.byteLength) return;
  // A buffer transferred to a closed port is freed with the undeliverable message.
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.postMessage(buffer, [buffer]);
  port1.close();
}
