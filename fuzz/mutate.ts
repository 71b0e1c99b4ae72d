import type { Random } from "../scripts/random.js";
import { mutateBytes } from "./mutate-bytes.js";
import { mutateDer } from "./mutate-der.js";
import { mutateJson } from "./mutate-json.js";

/** `token`: base64url parts with dots between them, which contain bytes or JSON. */
export type MutationKind = "bytes" | "der" | "json" | "token";

export interface MutateOptions {
  kind: MutationKind;
  random: Random;
  /** An input from which parts may be taken. */
  other: Uint8Array;
  /** Longer results are cut. */
  maxBytes: number;
  dictionary: readonly string[];
}

const mostSteps = 6;

/** Changes an input in one or several places. The result depends on the input and the random numbers only. */
export function mutate(input: Uint8Array, options: MutateOptions): Uint8Array {
  const { random, maxBytes } = options;
  let changed = input;
  const steps = random.chance(0.5) ? 1 : random.integer(2, mostSteps);
  for (let step = 0; step < steps; step += 1)
    changed = mutateOnce(changed, options).subarray(0, maxBytes);
  return changed;
}

const changers = {
  der: (input: Uint8Array, { random, other }: MutateOptions) => mutateDer(input, random, other),
  json: changeJson,
  token: changeToken,
};

function mutateOnce(input: Uint8Array, options: MutateOptions): Uint8Array {
  const { kind, random, other, dictionary } = options;
  if (dictionary.length > 0 && random.chance(0.1)) {
    const word = dictionary[random.integer(0, dictionary.length - 1)] ?? "";
    const at = random.integer(0, input.length);
    const end = at + (random.chance(0.5) ? 0 : word.length);
    return Buffer.concat([input.subarray(0, at), Buffer.from(word, "latin1"), input.subarray(end)]);
  }
  // One time in five bytes are changed, which may break the DER, the JSON or the token.
  if (kind !== "bytes" && random.chance(0.8)) {
    const changed = changers[kind](input, options);
    if (changed !== undefined) return changed;
  }
  return mutateBytes(input, random, other);
}

function changeJson(input: Uint8Array, { random, other }: MutateOptions): Uint8Array | undefined {
  const changed = mutateJson(textOf(input), random, textOf(other));
  return changed === undefined ? undefined : Buffer.from(changed);
}

function changeToken(input: Uint8Array, options: MutateOptions): Uint8Array | undefined {
  const { random, other } = options;
  const parts = textOf(input).split(".");
  const at = random.integer(0, parts.length - 1);
  const decoded = Buffer.from(parts[at] ?? "", "base64url");
  const part = Buffer.from(textOf(other).split(".")[at] ?? "", "base64url");
  const changed =
    changeJson(decoded, { ...options, other: part }) ?? mutateBytes(decoded, random, part);
  return Buffer.from(parts.with(at, Buffer.from(changed).toString("base64url")).join("."));
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}
