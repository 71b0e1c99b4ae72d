import { fields } from "./graph.js";
import { readFields } from "./wire.js";
import { someMessage } from "./walk-model.js";

/**
 * Operators that draw random numbers. ONNX Runtime keeps the state of the random number generator for the whole session.
 * If a model draws numbers for some pictures only, later answers reveal whether such a picture came before; with a fixed
 * seed the state can be computed. So one client's picture would influence the answer to another client.
 */
const random: readonly string[] = [
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
  "Multinomial",
  "Bernoulli",
];
/** Operator that is random only with its third input, training_mode, which may be true at run time. */
const dropout = "Dropout";
const trainingModeInput = 2;

/**
 * Searches an ONNX model for an operator that draws random numbers.
 *
 * @returns the operator's name; undefined if there is none
 * @throws RangeError for bytes that are not a Protocol Buffers message; NestingError
 */
export function findRandomOperator(model: Uint8Array): string | undefined {
  let found: string | undefined;
  someMessage(model, (name, bytes) => {
    if (name === "node") found = randomOperatorOf(bytes);
    return found !== undefined;
  });
  return found;
}

function randomOperatorOf(node: Uint8Array): string | undefined {
  let operator = "";
  let inputs = 0;
  for (const { number, content } of readFields(node)) {
    if (number === fields.node.operator) operator = Buffer.from(content).toString();
    if (number === fields.node.input) inputs += 1;
  }
  const isRandom =
    random.includes(operator) || (operator === dropout && inputs > trainingModeInput);
  return isRandom ? operator : undefined;
}

/** Prefixes of the operators' names. The model's bytes are searched once per prefix. */
const prefixes = ["Random", "Multinomial", "Bernoulli", dropout];
const lengthBytes = 4;
const longestName = Math.max(...random.map((name) => name.length)) + 1;

/**
 * Searches a model in ORT format for an operator that draws random numbers. An operator's name is a FlatBuffers string
 * there, preceded by its length as a little-endian uint32. Every Dropout counts as random, because ONNX Runtime removes
 * the others before it writes this format.
 *
 * @returns the operator's name; undefined if there is none
 */
export function findRandomOperatorInOrt(model: Uint8Array): string | undefined {
  const bytes = Buffer.from(model.buffer, model.byteOffset, model.byteLength);
  for (const prefix of prefixes) {
    for (let at = bytes.indexOf(prefix); at !== -1; at = bytes.indexOf(prefix, at + 1)) {
      const length = at < lengthBytes ? 0 : bytes.readUInt32LE(at - lengthBytes);
      const text = bytes.toString("latin1", at, at + Math.min(length, longestName));
      if (text.length === length && [...random, dropout].includes(text)) return text;
    }
  }
  return undefined;
}
