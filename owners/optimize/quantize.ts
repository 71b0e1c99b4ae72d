import {
  elementTypes,
  type ElementType,
  type GraphNode,
  type GraphTensor,
  type NodeSpec,
  type OnnxModel,
  type TensorSpec,
} from "../../src/onnx/graph.js";
import type { Layer, LayerKind } from "./layers.js";
import { keepsIntegers, planQuantization, type Plan } from "./plan.js";
import { floatsOf } from "../../src/onnx/read.js";
import {
  activationScale,
  quantizeBias,
  quantizeWeight,
  toUnsigned,
  unsignedZero,
  smallestScalesFor,
  type Range,
} from "./scales.js";
import { rewire, type Rewriting } from "../../src/onnx/write.js";

/** What to quantise, and how. */
export interface Quantization {
  /** Layers that are quantised. */
  kinds: ReadonlySet<LayerKind>;
  /** Ranges of the values of `valuesToCalibrate`. A layer whose values are missing stays as it is. */
  ranges: ReadonlyMap<string, Range>;
  /**
   * How weights are stored; both store the same numbers. Processors without VNNI add two products of uint8 and int8 in 16
   * bits and saturate. For uint8 weights ONNX Runtime uses other kernels, which are exact on every processor.
   */
  weights: "int8" | "uint8";
}

/** The nodes and tensors of the quantised model. */
export interface Quantized extends Rewriting {
  /** Number of layers that run in 8 bits. */
  layers: number;
}

/** @returns names of the values whose ranges `quantize` needs, for layers of any kind */
export function valuesToCalibrate(model: OnnxModel): string[] {
  const kinds: LayerKind[] = ["linear", "convolution"];
  const plans = [...kinds.map((kind) => [kind]), kinds].map((each) =>
    planQuantization(model, new Set(each)),
  );
  const layerInputs = plans.flatMap(({ layers }) => [...layers.values()].map(({ input }) => input));
  return [...new Set([...layerInputs, ...plans.flatMap(({ values }) => [...values.values()])])];
}

/**
 * Quantises a float model's layers to 8 bits in ONNX' portable form: QuantizeLinear and DequantizeLinear around each
 * layer, which ONNX Runtime fuses into integer kernels. Weights have one scale for each output (symmetric); activations
 * have one scale and zero point for each value (uint8), fixed beforehand. A scale that is computed at run time would
 * cover the whole batch, so that the answer to one owner's picture would depend on, and reveal something about, the
 * pictures of others.
 *
 * All other nodes stay as they are, subgraphs and unknown operators included.
 *
 * @throws RangeError for weights that are not finite
 */
export function quantize(model: OnnxModel, quantization: Quantization): Quantized {
  return new Quantizer(model, quantization).result();
}

/** First opset with a scale for each output. For older ones, ONNX Runtime's own operators are used. */
const perAxisOpset = 13;
const onnxRuntimeDomain = "com.microsoft";

class Quantizer {
  readonly #model: OnnxModel;
  readonly #quantization: Quantization;
  readonly #plan: Plan;
  readonly #domain: string;
  readonly #nodes: (NodeSpec | GraphNode)[] = [];
  readonly #newTensors: TensorSpec[] = [];
  /** By quantised value: the name of the dequantised value. */
  readonly #floats = new Map<string, string>();
  /** By axis and name, for layers that share a weight. */
  readonly #weights = new Map<string, { name: string; scales: Float32Array }>();
  readonly #taken: Set<string>;

  constructor(model: OnnxModel, quantization: Quantization) {
    this.#model = model;
    this.#quantization = quantization;
    this.#plan = planQuantization(model, quantization.kinds, (value) =>
      quantization.ranges.has(value),
    );
    this.#domain = (model.opsets.get("") ?? 0) < perAxisOpset ? onnxRuntimeDomain : "";
    this.#taken = new Set([
      ...model.tensors.keys(),
      ...model.inputs.map(({ name }) => name),
      ...model.nodes.flatMap(({ outputs }) => outputs),
    ]);
  }

  result(): Quantized {
    for (const { name } of this.#model.inputs) this.#addValue(name);
    for (const node of this.#model.nodes) {
      const layer = this.#plan.layers.get(node);
      if (layer === undefined) this.#addOther(node);
      else this.#addLayer(layer);
      for (const output of node.outputs) this.#addValue(output);
    }
    return {
      nodes: this.#nodes,
      tensors: [...this.#remainingTensors(), ...this.#newTensors],
      layers: this.#plan.layers.size,
      moreOpsets: this.#model.opsets.has(this.#domain) ? new Map() : new Map([[this.#domain, 1]]),
    };
  }

  /** The original tensors, without those that only quantised layers read. */
  #remainingTensors(): GraphTensor[] {
    const { layers } = this.#plan;
    const replaced = new Set(
      [...layers.values()].flatMap(({ weight, bias }) => [weight.name, bias?.name]),
    );
    const read = new Set(this.#nodes.flatMap((node) => node.inputs));
    for (const { captured } of this.#model.nodes) for (const name of captured) read.add(name);
    for (const name of this.#model.outputs) read.add(name);
    return [...this.#model.tensors.values()].filter(
      ({ name }) => read.has(name) || !replaced.has(name),
    );
  }

  #addValue(value: string): void {
    const source = this.#plan.values.get(value);
    if (source === undefined) return;
    const { scale, zeroPoint } = this.#scaleOf(value);
    const parameters = [
      this.#addTensor(`${value}.scale`, elementTypes.float, [], Float32Array.of(scale)),
      this.#addTensor(`${value}.zero_point`, elementTypes.uint8, [], Uint8Array.of(zeroPoint)),
    ];
    const integers = this.#fresh(`${value}.uint8`);
    const floats = this.#fresh(`${value}.float`);
    const domain = this.#domain;
    this.#nodes.push(
      { operator: "QuantizeLinear", domain, inputs: [value, ...parameters], outputs: [integers] },
      {
        operator: "DequantizeLinear",
        domain,
        inputs: [integers, ...parameters],
        outputs: [floats],
      },
    );
    this.#floats.set(value, floats);
  }

  #scaleOf(value: string): { scale: number; zeroPoint: number } {
    const range = this.#quantization.ranges.get(this.#plan.values.get(value) ?? value);
    if (range === undefined) throw new RangeError(`no range of ${value}`);
    return activationScale(range);
  }

  #addOther(node: GraphNode): void {
    const isInteger = keepsIntegers(node, this.#model, this.#plan.values);
    const inputs = node.inputs.map((name) => {
      const floats = this.#floats.get(name);
      const isQuantised = isInteger || this.#plan.integerOnly.has(name);
      return floats !== undefined && isQuantised ? floats : name;
    });
    const isSame = inputs.every((name, index) => name === node.inputs[index]);
    this.#nodes.push(isSame ? node : rewire(node, inputs));
  }

  #addLayer(layer: Layer): void {
    const { node, input, bias } = layer;
    const inputScale = this.#scaleOf(input).scale;
    const weight = this.#addWeight(layer, inputScale);
    const inputs = [this.#floats.get(input) ?? input, weight.name];
    if (bias !== undefined) {
      const scales = weight.scales.map((scale) => scale * inputScale);
      const integers = quantizeBias(floatsOf(bias.data), scales);
      const dims = [integers.length];
      inputs.push(this.#addIntegers(bias.name, elementTypes.int32, dims, integers, scales, 0));
    }
    this.#nodes.push(rewire(node, inputs));
  }

  #addWeight(
    { weight, bias, axis }: Layer,
    inputScale: number,
  ): { name: string; scales: Float32Array } {
    const { name, dims, data } = weight;
    const key = `${axis} ${name}`;
    const known = this.#weights.get(key);
    const smallest =
      bias === undefined ? undefined : smallestScalesFor(floatsOf(bias.data), inputScale);
    // A layer whose bias needs larger scales than the layer that shares the weight gets a copy with its own scales.
    if (known !== undefined && !known.scales.some((scale, at) => scale < (smallest?.[at] ?? 0))) {
      return known;
    }
    const { integers, scales } = quantizeWeight(floatsOf(data), { dims, axis }, smallest);
    const isSigned = this.#quantization.weights === "int8";
    const added = {
      name: isSigned
        ? this.#addIntegers(name, elementTypes.int8, dims, integers, scales, axis)
        : this.#addIntegers(name, elementTypes.uint8, dims, toUnsigned(integers), scales, axis),
      scales,
    };
    this.#weights.set(key, added);
    return added;
  }

  /** @returns the name of the dequantised value */
  #addIntegers(
    name: string,
    type: ElementType,
    dims: readonly number[],
    integers: Int8Array | Uint8Array | Int32Array,
    scales: Float32Array,
    axis: number,
  ): string {
    const one = [scales.length];
    const zeros = new Uint8Array(scales.length * integers.BYTES_PER_ELEMENT);
    if (type === elementTypes.uint8) zeros.fill(unsignedZero);
    const inputs = [
      this.#addTensor(`${name}.integers`, type, dims, integers),
      this.#addTensor(`${name}.scale`, elementTypes.float, one, scales),
      this.#addTensor(`${name}.zero_point`, type, one, zeros),
    ];
    const floats = this.#fresh(`${name}.float`);
    this.#nodes.push({
      operator: "DequantizeLinear",
      domain: this.#domain,
      inputs,
      outputs: [floats],
      attributes: { axis: { int: axis } },
    });
    return floats;
  }

  #addTensor(
    wanted: string,
    type: ElementType,
    dims: readonly number[],
    { buffer, byteOffset, byteLength }: NodeJS.TypedArray,
  ): string {
    const name = this.#fresh(wanted);
    this.#newTensors.push({
      name,
      dims,
      type,
      data: new Uint8Array(buffer, byteOffset, byteLength),
    });
    return name;
  }

  /** @returns `wanted`, with a number behind it if the model already uses the name */
  #fresh(wanted: string): string {
    let name = wanted;
    for (let number = 2; this.#taken.has(name); number += 1) name = `${wanted}.${number}`;
    this.#taken.add(name);
    return name;
  }
}
