/** A key that another JSON parser may interpret differently from JavaScript's. */
export interface AmbiguousKey {
  /** The keys that lead to it, and the key itself as the last one. */
  path: string[];
  /** `repeated`: the object has another key of that name, whatever its case. `escaped`: written with a backslash. */
  kind: "repeated" | "escaped";
}

interface Level {
  /** Lower case; absent in an array. */
  keys?: Set<string>;
  /** The last key. */
  key?: string;
}

const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/gsu;

/**
 * Finds the first key that two parsers may interpret differently. RFC 8259, section 4, does not say which of two members
 * with the same name counts; JavaScript takes the last. Mystikos reads the same file with its own parser.
 *
 * @param text what JSON.parse accepts
 */
export function findAmbiguousKey(text: string): AmbiguousKey | undefined {
  const levels: Level[] = [];
  let latest = "";
  for (const [word] of text.matchAll(token)) {
    const level = levels.at(-1);
    if (word === "{") levels.push({ keys: new Set() });
    else if (word === "[") levels.push({});
    else if (word === "}" || word === "]") levels.pop();
    else if (word === ":" && level?.keys !== undefined) {
      const key = String(JSON.parse(latest));
      const isEscaped = latest.includes("\\");
      if (isEscaped || level.keys.has(key.toLowerCase())) {
        const outer = levels.slice(0, -1).flatMap((one) => one.key ?? []);
        return { path: [...outer, key], kind: isEscaped ? "escaped" : "repeated" };
      }
      level.keys.add(key.toLowerCase());
      level.key = key;
    }
    latest = word;
  }
  return undefined;
}
