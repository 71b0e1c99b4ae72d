/** Percentages by label, as an answer lists them. */
export type Percentages = ReadonlyMap<string, number>;

/**
 * The largest relative difference of percentages that counts as equal. The size of a batch changes how the matrix product
 * is computed, which rounds the last bits differently; another picture differs far more.
 */
export const tolerance = 1e-3;

/** Whether two text answers of `POST /evaluate` have the same labels and, within the tolerance, the same percentages. */
export function sameAnswer(reference: string, answer: string): boolean {
  if (answer === reference) return true;
  const expected = readPercentages(reference);
  const got = readPercentages(answer);
  if (expected.size === 0 || got.size !== expected.size) return false;
  return [...expected].every(([label, percentage]) => {
    const other = got.get(label);
    return other !== undefined && Math.abs(other - percentage) <= tolerance * percentage;
  });
}

/** @param answer a text answer; the percentages keep its order */
export function readPercentages(answer: string): Map<string, number> {
  const percentages = new Map<string, number>();
  for (const [, label = "", percentage] of answer.matchAll(/^\t\('?(.+?)'?, ([^ ]+)\)$/gmu)) {
    percentages.set(label, Number(percentage));
  }
  return percentages;
}
