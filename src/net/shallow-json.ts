/** The most levels of objects and arrays; the deepest answer of Azure that is read has six. */
const deepest = 32;

/**
 * Whether a JSON text has more than 32 levels of objects and arrays. Azure's packages walk an answer recursively, so that
 * deep nesting would overflow the stack; `JSON.parse` does not recurse.
 *
 * @param text for text other than JSON the result has no meaning
 */
export function isTooDeep(text: string): boolean {
  let depth = 0;
  let isInString = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (isInString) {
      if (character === "\\") index += 1;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === "{" || character === "[") {
      depth += 1;
      if (depth > deepest) return true;
    } else if (character === "}" || character === "]") depth -= 1;
  }
  return false;
}

/**
 * Parses JSON of at most 32 levels.
 *
 * @returns undefined for text that is not JSON, or has more levels
 */
export function parseShallowJson(text: string): unknown {
  if (isTooDeep(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
