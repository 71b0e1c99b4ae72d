/** Objects and lists inside each other; the deepest answer of Azure's that this reads has six. */
const deepest = 32;

/**
 * Whether a JSON text nests deeper than any answer of Azure's. Azure's packages walk an answer by calls that the
 * stack bounds; `JSON.parse` itself does not. What is no JSON may be said to be either.
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

/** @returns undefined for what is no JSON, or nests too deep */
export function parseShallowJson(text: string): unknown {
  if (isTooDeep(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
