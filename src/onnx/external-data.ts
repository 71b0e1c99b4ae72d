import { readFields, wireTypes } from "./wire.js";
import { someMessage } from "./walk-model.js";

const tensorExternalDataField = 13;
const tensorDataLocationField = 14;

/**
 * Whether an ONNX model has tensors whose data is in other files (TensorProto.data_location = EXTERNAL, or external_data
 * is present). ONNX Runtime would open any path that they name, such as `/image.key`, and so reveal a data owner's secret
 * to the author of the model.
 *
 * @param model an encoded ONNX model
 * @throws RangeError for bytes that are not a Protocol Buffers message; NestingError
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
