import { elementTypes, type GraphTensor, type OnnxModel } from "./graph.js";
import { readModel } from "./read.js";
import { rewriteModel } from "./write.js";

/** A model without its large matrices, which its caller feeds in each run. */
export interface LentWeights {
  /** The model, in which these weights are inputs. */
  model: Uint8Array;
  /** The matrices by input name: their shapes, and views of the original model's bytes. */
  weights: Map<string, { dims: readonly number[]; data: Float32Array }>;
}

/** Size in bytes below which a matrix stays in the model. */
const smallestBytes = 1 << 20;
const multiplications = new Set(["Gemm", "MatMul"]);

/**
 * Turns the large matrices that a model multiplies by into inputs. ONNX Runtime copies initialisers at least twice while
 * it loads a model, but reads inputs where they are.
 *
 * The weights of convolutions stay in the model: ONNX Runtime reorders them, and they are small.
 *
 * @param bytes an ONNX model, taken over: matrices are moved in it by up to three bytes to align them as floats
 * @returns the smaller model, in new memory, and the matrices, in `bytes`
 * @throws RangeError for bytes that are not a Protocol Buffers message; NestingError
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
  // Only after everything else has been copied: aligning overwrites the bytes before each matrix.
  const weights = new Map(
    lent.map(({ name, dims, data }) => [name, { dims, data: floatsInPlace(data) }]),
  );
  return { model: rewritten, weights };
}

/** Whether a tensor is a large matrix that is only used as the second operand of multiplications. */
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

/** Aligns a tensor's data to 4 bytes. The field's tag and length precede it: at least four bytes, no longer needed. */
function floatsInPlace(data: Uint8Array): Float32Array {
  const start = data.byteOffset - (data.byteOffset % 4);
  const target = new Uint8Array(data.buffer, start, data.length);
  if (start !== data.byteOffset) target.set(data);
  return new Float32Array(data.buffer, start, data.length / 4);
}
