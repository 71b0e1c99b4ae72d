/** A field of Protocol Buffers: a message, or a number. */
export function field(number: number, content: Uint8Array | number): Buffer {
  if (typeof content === "number") return Buffer.from([...varint(number * 8), ...varint(content)]);
  return Buffer.concat([
    Buffer.from([...varint(number * 8 + 2), ...varint(content.length)]),
    content,
  ]);
}

export function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

/** TensorProto.DataType */
export const elementTypes = { float: 1, double: 11 } as const;

/** A whole model with one operator, inputs of shape [1, 3, 32, 32] and the output "scores". */
export function tinyModel(operator: string, inputs: string[], elementType: number): Buffer {
  const value = (name: string): Buffer => {
    const dimensions = [1, 3, 32, 32].map((size) => field(1, field(1, size)));
    const tensorType = [field(1, elementType), field(2, Buffer.concat(dimensions))];
    return Buffer.concat([text(1, name), field(2, field(1, Buffer.concat(tensorType)))]);
  };
  const node = [...inputs.map((name) => text(1, name)), text(2, "scores"), text(4, operator)];
  const graph = [
    field(1, Buffer.concat(node)),
    text(2, "tiny"),
    ...inputs.map((name) => field(11, value(name))),
    field(12, value("scores")),
  ];
  const opset = Buffer.concat([text(1, ""), field(2, 13)]);
  return Buffer.concat([field(1, 8), field(7, Buffer.concat(graph)), field(8, opset)]);
}

function text(number: number, content: string): Buffer {
  return field(number, Buffer.from(content));
}
