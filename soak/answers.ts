import { z } from "zod";
import { readPercentages, tolerance, type Percentages } from "../bench/answers.js";

/** In percentage points: below this a difference does not count, because the last bits of tiny probabilities vary. */
const tinyPercentage = 1e-3;

const jsonAnswer = z.object({
  predictions: z.array(z.object({ label: z.string(), probability: z.number() })),
});

/** @param answer as text or JSON */
export function readAnswer(answer: string): Percentages {
  if (!answer.startsWith("{")) return readPercentages(answer);
  const { predictions } = jsonAnswer.parse(JSON.parse(answer));
  return new Map(predictions.map(({ label, probability }) => [label, probability * 100]));
}

/** @returns what is wrong with the answer; undefined where it is right */
export function compareAnswers(
  expected: Percentages,
  got: Percentages,
  top: number,
): string | undefined {
  if (got.size !== top) return `${got.size} labels instead of ${top}`;
  for (const [label, percentage] of got) {
    const right = expected.get(label) ?? Number.NaN;
    const off = Math.abs(right - percentage);
    if (!(off <= Math.max(tolerance * right, tinyPercentage))) {
      return `${label}: ${percentage} instead of ${right}`;
    }
  }
  const least = [...got.values()].reduce((one, other) => (other <= one ? other : Number.NaN));
  return Number.isNaN(least) ? "labels out of order" : undefined;
}
