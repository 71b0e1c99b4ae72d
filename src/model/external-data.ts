/**
 * Finds tensors of an ONNX model whose data is in other files (TensorProto.data_location = EXTERNAL,
 * or external_data given). ONNX Runtime would open any path that they name, `/image.key` among them,
 * and so hand a data owner's secret to the author of a model.
 *
 * The walk follows onnx.proto3's messages that can hold a tensor; a field's number is the high part
 * of its tag, the wire type the low three bits (Protocol Buffers encoding).
 */
type MessageName = keyof typeof messages;

const messages = {
  model: { 7: "graph", 20: "trainingInfo", 25: "function" },
  trainingInfo: { 1: "graph", 2: "graph" },
  graph: { 1: "node", 5: "tensor", 15: "sparseTensor" },
  function: { 7: "node", 11: "attribute" },
  node: { 5: "attribute" },
  attribute: {
    5: "tensor",
    6: "graph",
    10: "tensor",
    11: "graph",
    22: "sparseTensor",
    23: "sparseTensor",
  },
  sparseTensor: { 1: "tensor", 2: "tensor" },
  tensor: {},
} as const;

const tensorExternalDataField = 13;
const tensorDataLocationField = 14;
const maxDepth = 64;
/** Readers differ on longer ones: Protocol Buffers' C++ drops their high bits and sees another field. */
const maxTag = 0xffff_ffff;

/** @throws RangeError for bytes that are no Protocol Buffers message */
export function hasExternalData(model: Uint8Array): boolean {
  return visit("model", model, 0);
}

function visit(name: MessageName, bytes: Uint8Array, depth: number): boolean {
  if (depth > maxDepth) throw new RangeError("messages nested too deeply");
  const children: Readonly<Record<number, MessageName | undefined>> = messages[name];
  const reader = new Reader(bytes);
  while (!reader.atEnd) {
    const tag = reader.varint();
    if (tag > maxTag) throw new RangeError("a field's number too high");
    const field = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (wireType === 2) {
      const content = reader.bytes(reader.varint());
      if (name === "tensor" && field === tensorExternalDataField) return true;
      const child = children[field];
      if (child !== undefined && visit(child, content, depth + 1)) return true;
    } else if (wireType === 0) {
      const value = reader.varint();
      if (name === "tensor" && field === tensorDataLocationField && value !== 0) return true;
    } else if (wireType === 1) {
      reader.bytes(8);
    } else if (wireType === 5) {
      reader.bytes(4);
    } else {
      throw new RangeError(`unknown wire type ${wireType}`);
    }
  }
  return false;
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new RangeError("a number cut short");
      this.#at += 1;
      // Values over 2^53 lose their low bits: lengths never are, and other values only count as 0 or not.
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError("a number too long");
  }

  bytes(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("a field cut short");
    const content = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return content;
  }
}
