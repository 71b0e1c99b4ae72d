import { fields } from "../onnx/graph.js";
import { readFields } from "../onnx/wire.js";
import { someMessage } from "./walk-model.js";

/**
 * Operators that draw random numbers. ONNX Runtime's generator lives as long as the session, so that what one run
 * draws, in a branch taken for some pictures alone, tells in the answers of later runs, and with a fixed seed its
 * state can be computed: one sender's picture would show in another's answer.
 */
const random: readonly string[] = [
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
  "Multinomial",
  "Bernoulli",
];
/** Random where its third input, training_mode, may be true. */
const dropout = "Dropout";
const trainingModeInput = 2;

/**
 * @param model ONNX
 * @returns the name of an operator that draws random numbers
 * @throws RangeError for bytes that are no Protocol Buffers message; NestingError
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

/** What the names begin with: one search of the model's bytes for each. */
const beginnings = ["Random", "Multinomial", "Bernoulli", dropout];
const lengthBytes = 4;
const longestName = Math.max(...random.map((name) => name.length)) + 1;

/**
 * The same in ONNX Runtime's own format, where an operator's name is a string of FlatBuffers: its length in four
 * bytes, little-endian, before it. There any Dropout is taken for a random one, since the runtime removes the others
 * before it writes that format.
 */
export function findRandomOperatorInOrt(model: Uint8Array): string | undefined {
  const bytes = Buffer.from(model.buffer, model.byteOffset, model.byteLength);
  for (const beginning of beginnings) {
    for (let at = bytes.indexOf(beginning); at !== -1; at = bytes.indexOf(beginning, at + 1)) {
      const length = at < lengthBytes ? 0 : bytes.readUInt32LE(at - lengthBytes);
      const text = bytes.toString("latin1", at, at + Math.min(length, longestName));
      if (text.length === length && [...random, dropout].includes(text)) return text;
    }
  }
  return undefined;
}
