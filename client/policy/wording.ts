import type { Condition } from "./conditions.js";

const longest = 200;

/** An untrusted value as JSON for a terminal: one line, cut after 200 characters, invisible characters escaped. */
export function quote(value: unknown): string {
  const json = value === undefined ? "nothing" : escapeInvisible(JSON.stringify(value));
  return json.length <= longest ? json : `${json.slice(0, longest)}…`;
}

/** Escapes control, format and separator characters, which could overwrite what a terminal shows. */
export function escapeInvisible(text: string): string {
  return text.replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** The value that a condition requires, in words: "at least 3". */
export function describeWanted({ operator, value }: Condition): string {
  switch (operator) {
    case "equals":
      return quote(value);
    case "notEquals":
      return `anything but ${quote(value)}`;
    case "less":
      return `less than ${String(value)}`;
    case "lessOrEquals":
      return `at most ${String(value)}`;
    case "greater":
      return `more than ${String(value)}`;
    case "greaterOrEquals":
      return `at least ${String(value)}`;
    case "exists":
      return String(value) === "true" ? "any value" : "no such claim";
    case "subsetOf":
      return value.length === 0 ? "an empty list" : `nothing but ${quote(value)}`;
  }
}
