/**
 * Describes the error code of another machine's refusal. A code that is not in our list is not repeated, because the other
 * machine chose it: a code or a number may hold a secret, in pieces or encoded, as text may.
 *
 * @param known the codes that may be repeated
 * @returns the code, or only its length if it is unknown; empty for anything but a string or a number
 */
export function quoteCode(code: unknown, known: ReadonlySet<string>): string {
  if (typeof code !== "string" && typeof code !== "number") return "";
  const text = String(code);
  return known.has(text) ? text : `an unknown code of ${text.length} characters`;
}
