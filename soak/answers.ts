import { z } from "zod";

/** Percentages by label, as an answer tells them. */
export type Percentages = ReadonlyMap<string, number>;

/** A batch of another size rounds the last bits otherwise; another picture is far off. */
const tolerance = 1e-3;
/** In percentage points: of labels that are next to impossible the last bits say nothing. */
const tinyPercentage = 1e-3;

const jsonAnswer = z.object({
  predictions: z.array(z.object({ label: z.string(), probability: z.number() })),
});

/** @param answer as text, or as JSON */
export function readAnswer(answer: string): Percentages {
  if (answer.startsWith("{")) {
    const { predictions } = jsonAnswer.parse(JSON.parse(answer));
    return new Map(predictions.map(({ label, probability }) => [label, probability * 100]));
  }
  const lines = answer.matchAll(/^\t\('(?<label>[^']+)', (?<percentage>[^)]+)\)$/gmu);
  return new Map(
    [...lines].map(({ groups }) => [groups?.["label"] ?? "", Number(groups?.["percentage"])]),
  );
}

/** @returns what is wrong, undefined for nothing */
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
