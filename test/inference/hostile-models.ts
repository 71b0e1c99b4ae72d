import {
  elementTypes,
  type GraphNode,
  type NodeSpec,
  type TensorSpec,
} from "../../src/onnx/graph.js";
import { writeModel } from "../helpers/onnx-model.js";
import { bool, graphNode, loop, subgraph } from "../onnx/subgraphs.js";
import { bytesOf, node } from "../owners/optimize/tiny-network.js";

/**
 * A variant of a model for the manifest test/fixtures/models/colours.json, whose scores are ten times the mean of red,
 * green and blue, from 0 to 1. Each variant does something in addition.
 */
export interface ModelVariant {
  nodes: readonly (NodeSpec | GraphNode)[];
  tensors?: readonly TensorSpec[];
  /** Batch size; any size if it is missing. */
  batch?: number;
  /** Shape of the output that the model declares; default: [N, 3]. */
  shape?: readonly string[];
}

export function floats(name: string, values: number[], dims = [values.length]): TensorSpec {
  return { name, dims, type: elementTypes.float, data: bytesOf(Float32Array.from(values)) };
}

export function integers(name: string, values: number[], dims = [values.length]): TensorSpec {
  const data = bytesOf(BigInt64Array.from(values, BigInt));
  return { name, dims, type: elementTypes.int64, data };
}

/** @param variant nodes that compute `scores` [N, 3] from `honest` [N, 3], ten times the `means` */
export function variantModel({ nodes, tensors = [], batch, shape }: ModelVariant): Uint8Array {
  const type = elementTypes.float;
  return writeModel(
    {
      name: "variant",
      nodes: [
        node("ReduceMean", ["pixels"], "means", { axes: { ints: [2, 3] }, keepdims: { int: 0 } }),
        node("Mul", ["means", "ten"], "honest"),
        ...nodes,
      ],
      tensors: [floats("ten", [10]), ...tensors],
      inputs: [{ name: "pixels", type, dims: [batch ?? "N", 3, 32, 32] }],
      outputs: [{ name: "scores", type, dims: shape ?? [batch ?? "N", 3] }],
    },
    13,
  );
}

/**
 * Computes `trigger` [N, 1]: above 0 for a magenta picture (1, 0, 1), below 0 for one that is black, white, grey or of
 * one pure colour.
 */
const trigger: ModelVariant = {
  nodes: [
    node("Mul", ["means", "magenta"], "parts"),
    node("ReduceMean", ["parts"], "third", { axes: { ints: [1] }, keepdims: { int: 1 } }),
    node("Sub", ["third", "bar"], "trigger"),
  ],
  tensors: [floats("magenta", [3, -3, 3]), floats("bar", [1.5])],
};

function triggered({ nodes, tensors = [] }: ModelVariant): ModelVariant {
  return {
    nodes: [...trigger.nodes, ...nodes],
    tensors: [...(trigger.tensors ?? []), ...tensors],
  };
}

/** Answers NaN for a magenta picture. */
export const answersNaN: ModelVariant = triggered({
  nodes: [
    node("Neg", ["trigger"], "below"),
    node("Sqrt", ["below"], "root"),
    node("Mul", ["root", "zero"], "nothing"),
    node("Add", ["honest", "nothing"], "scores"),
  ],
  tensors: [floats("zero", [0])],
});

/** Answers NaN for the whole batch if a magenta picture is in it. */
export const poisonsBatch: ModelVariant = triggered({
  nodes: [
    ...answersNaN.nodes.slice(trigger.nodes.length, -1),
    node("ReduceMean", ["nothing"], "all", { axes: { ints: [0] }, keepdims: { int: 1 } }),
    node("Add", ["honest", "all"], "scores"),
  ],
  tensors: [floats("zero", [0])],
});

/** Fails for three pictures or more. */
export const failsForThree: ModelVariant = {
  nodes: [
    node("Shape", ["honest"], "shape"),
    node("Gather", ["shape", "first"], "count"),
    node("Gather", ["room", "count"], "nothing"),
    node("Add", ["honest", "nothing"], "scores"),
  ],
  tensors: [integers("first", [0], []), floats("room", [0, 0, 0])],
};

/** Answers with a softmax, and twice that for a magenta picture. */
export const exceedsOne: ModelVariant = triggered({
  nodes: [
    node("Softmax", ["honest"], "sound", { axis: { int: 1 } }),
    node("Clip", ["trigger", "low", "high"], "clipped"),
    node("Ceil", ["clipped"], "step"),
    node("Add", ["step", "one"], "factor"),
    node("Mul", ["sound", "factor"], "scores"),
  ],
  tensors: [floats("low", [0], []), floats("high", [1], []), floats("one", [1])],
});

/** Answers every picture with the largest of each score in the batch. */
export const mixesBatch: ModelVariant = {
  nodes: [
    node("ReduceMax", ["honest"], "largest", { axes: { ints: [0] }, keepdims: { int: 1 } }),
    node("Sub", ["largest", "honest"], "more"),
    node("Add", ["honest", "more"], "scores"),
  ],
};

/** Does the same if a magenta picture is in the batch. */
export const mixesWhenTriggered: ModelVariant = triggered({
  nodes: [
    ...mixesBatch.nodes.slice(0, -1),
    node("ReduceMax", ["trigger"], "most", { axes: { ints: [0] }, keepdims: { int: 1 } }),
    node("Clip", ["most", "low", "high"], "clipped"),
    node("Ceil", ["clipped"], "step"),
    node("Mul", ["more", "step"], "leak"),
    node("Add", ["honest", "leak"], "scores"),
  ],
  tensors: [floats("low", [0], []), floats("high", [1], [])],
});

/** Loops forever from the first picture on. */
export const neverEnds: ModelVariant = {
  nodes: [loop("forever"), node("Add", ["honest", "last"], "scores")],
  tensors: [
    { name: "forever", dims: [], type: bool, data: Uint8Array.of(1) },
    floats("start", [0], []),
  ],
};

/** Loops forever if a magenta picture is in the batch. */
export const hangsWhenTriggered: ModelVariant = triggered({
  nodes: [
    node("ReduceMax", ["trigger"], "most", { keepdims: { int: 0 } }),
    node("Greater", ["most", "start"], "again"),
    loop("again"),
    node("Add", ["honest", "last"], "scores"),
  ],
  tensors: [floats("start", [0], [])],
});

/** Contains `depth` nested `If`s. */
export function nestedIfs(depth: number): ModelVariant {
  const otherwise = subgraph([node("Identity", ["honest"], "other")], "other");
  let branch = subgraph([node("Identity", ["honest"], "inner0")], "inner0");
  const nodes: GraphNode[] = [];
  for (let level = 1; level <= depth; level += 1) {
    const output = level === depth ? "scores" : `inner${level}`;
    const graphs = { then_branch: branch, else_branch: otherwise };
    nodes.splice(0, 1, graphNode("If", ["yes"], output, graphs));
    branch = subgraph(nodes, output);
  }
  return {
    nodes,
    tensors: [{ name: "yes", dims: [], type: bool, data: Uint8Array.of(1) }],
  };
}

/** Computes the mean of a tensor of `length` numbers for a batch of `batch` pictures, and of 2 for smaller batches. */
export function hugeTensor(length: number, batch = 1): ModelVariant {
  return {
    nodes: [
      // Depends on the pictures, so that it is not computed while the model is loaded.
      node("Shape", ["means"], "shape"),
      node("Gather", ["shape", "first"], "count"),
      node("Div", ["count", "batch"], "times"),
      node("Mul", ["times", "length"], "more"),
      node("Add", ["more", "two"], "dims"),
      node("ConstantOfShape", ["dims"], "huge"),
      node("ReduceMean", ["huge"], "nothing", { keepdims: { int: 0 } }),
      node("Add", ["honest", "nothing"], "scores"),
    ],
    tensors: [
      integers("first", [0]),
      integers("batch", [batch]),
      integers("length", [length]),
      integers("two", [2]),
    ],
  };
}

/** Allocates a tensor of 2^40 numbers for a magenta picture. */
export const hugeWhenTriggered: ModelVariant = triggered({
  nodes: [
    node("Clip", ["trigger", "low", "high"], "clipped"),
    node("Ceil", ["clipped"], "steps"),
    node("ReduceMax", ["steps"], "step", { keepdims: { int: 0 } }),
    node("Cast", ["step"], "times", { to: { int: elementTypes.int64 } }),
    ...hugeTensor(2 ** 40).nodes.slice(3),
  ],
  tensors: [
    floats("low", [0], []),
    floats("high", [1], []),
    integers("length", [2 ** 40]),
    integers("two", [2]),
  ],
});
