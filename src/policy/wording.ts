import type { Condition } from "./grammar.js";

const longest = 200;

/** A value from outside as JSON, fit for a terminal: one line, nothing invisible, not long. */
export function quote(value: unknown): string {
  const json = value === undefined ? "nothing" : escapeInvisible(JSON.stringify(value));
  return json.length <= longest ? json : `${json.slice(0, longest)}…`;
}

/** Control characters and the like could move a terminal's cursor over what was printed before. */
export function escapeInvisible(text: string): string {
  return text.replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** What a condition wants its claim to be: "at least 3". */
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
  }
}
