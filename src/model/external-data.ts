import { readFields, wireTypes } from "../onnx/wire.js";
import { someMessage } from "./walk-model.js";

const tensorExternalDataField = 13;
const tensorDataLocationField = 14;

/**
 * Finds tensors of an ONNX model whose data is in other files (TensorProto.data_location = EXTERNAL,
 * or external_data given). ONNX Runtime would open any path that they name, `/image.key` among them,
 * and so hand a data owner's secret to the author of a model.
 *
 * @throws RangeError for bytes that are no Protocol Buffers message; NestingError
 */
export function hasExternalData(model: Uint8Array): boolean {
  return someMessage(model, (name, bytes) => name === "tensor" && isExternal(bytes));
}

function isExternal(tensor: Uint8Array): boolean {
  for (const { number, wireType, value } of readFields(tensor)) {
    if (wireType === wireTypes.length) {
      if (number === tensorExternalDataField) return true;
    } else if (number === tensorDataLocationField && value !== 0) return true;
  }
  return false;
}
