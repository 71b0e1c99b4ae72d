/** A value that JSON.parse returns. */
export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/**
 * Serializes JSON in its canonical form: no spaces, members in the order of their names' UTF-16 code units, numbers and
 * strings as ECMAScript writes them (RFC 8785, section 3.2).
 *
 * @throws RangeError for a number that is not finite, and for a text with an unpaired surrogate (section 3.2.2)
 */
export function canonicalJson(value: Json): string {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new RangeError("a number that JSON does not have");
  }
  if (typeof value === "string") return quoteString(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([name, member]) => `${quoteString(name)}:${canonicalJson(member)}`).join(",")}}`;
}

function isList(value: object): value is readonly Json[] {
  return Array.isArray(value);
}

function quoteString(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new RangeError("a text with an unpaired surrogate");
  return JSON.stringify(text);
}
