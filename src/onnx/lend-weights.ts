import { elementTypes, type GraphTensor, type OnnxModel } from "./graph.js";
import { readModel } from "./read.js";
import { rewriteModel } from "./write.js";

export interface LentWeights {
  /** The model, with these weights as inputs that must be fed. */
  model: Uint8Array;
  /** By input; views of the original model's bytes. */
  weights: Map<string, { dims: readonly number[]; data: Float32Array }>;
}

/** Smaller ones are not worth an input. */
const smallestBytes = 1 << 20;
const multiplications = new Set(["Gemm", "MatMul"]);

/**
 * Takes the large matrices that a model multiplies by out of it. A runtime copies whatever it finds in a
 * model, two times and more while it loads; what it is fed it reads where it lies.
 *
 * Convolutions' weights stay: the runtime brings them into its own order, and they are few.
 *
 * @param bytes ONNX; matrices move in them by up to three bytes, so that they can be read as floats
 * @throws RangeError for bytes that are no such message
 */
export function lendWeights(bytes: Uint8Array): LentWeights {
  const model = readModel(bytes);
  const lent = [...model.tensors.values()].filter((tensor) => canBeFed(tensor, model));
  const names = new Set(lent.map(({ name }) => name));
  const rewritten = rewriteModel(model, {
    nodes: model.nodes,
    tensors: [...model.tensors.values()].filter(({ name }) => !names.has(name)),
    moreInputs: lent.map(({ name, dims }) => ({ name, dims, type: elementTypes.float })),
  });
  // Only now that all else has been copied out.
  const weights = new Map(
    lent.map(({ name, dims, data }) => [name, { dims, data: floatsInPlace(data) }]),
  );
  return { model: rewritten, weights };
}

/** What is a matrix, and nothing but the second operand of multiplications. */
function canBeFed({ name, dims, type, data }: GraphTensor, { nodes, outputs }: OnnxModel): boolean {
  const isMatrix = dims.length === 2 && type === elementTypes.float;
  const length = dims.reduce((a, b) => a * b, 4);
  if (!isMatrix || data.length !== length || length < smallestBytes) return false;
  return (
    !outputs.includes(name) &&
    nodes.every(
      ({ operator, domain, inputs, captured }) =>
        !captured.includes(name) &&
        inputs.every(
          (input, at) =>
            input !== name || (at === 1 && domain === "" && multiplications.has(operator)),
        ),
    )
  );
}

/** Before the data stand its field's tag and length, at least four bytes, which nobody reads any more. */
function floatsInPlace(data: Uint8Array): Float32Array {
  const start = data.byteOffset - (data.byteOffset % 4);
  const target = new Uint8Array(data.buffer, start, data.length);
  if (start !== data.byteOffset) target.set(data);
  return new Float32Array(data.buffer, start, data.length / 4);
}
