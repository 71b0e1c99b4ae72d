/**
 * How far a percentage may lie from the first answer's, as a share of it. A batch of another size takes
 * another path through the matrix product, which rounds the last bits otherwise; a wrong picture is far off.
 */
const tolerance = 1e-3;

/** Whether two answers of `POST /evaluate`, as text, say the same of a picture. */
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

function readPercentages(answer: string): Map<string, number> {
  const percentages = new Map<string, number>();
  for (const [, label = "", percentage] of answer.matchAll(/^\t\((.+), ([^ ]+)\)$/gmu)) {
    percentages.set(label, Number(percentage));
  }
  return percentages;
}
