/**
 * What another machine names its refusal with, fit for a message of ours: a code from a list of ours, or the length of
 * another. Nothing that it chose is repeated: a code, a number or a header may hold a secret as well as a text may, in
 * pieces or encoded.
 */
export function quoteCode(code: unknown, known: ReadonlySet<string>): string {
  if (typeof code !== "string" && typeof code !== "number") return "";
  const text = String(code);
  return known.has(text) ? text : `an unknown code of ${text.length} characters`;
}
