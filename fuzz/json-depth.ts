/** What JSON.stringify, structuredClone and assert.deepEqual take, which call themselves for each array and object. */
const deepest = 500;

/** Whether a JSON text is too deep for the checks themselves; brackets in its strings count as well. */
export function isTooDeep(json: string): boolean {
  let depth = 0;
  for (const [bracket] of json.matchAll(/[[\]{}]/gu)) {
    depth += bracket === "[" || bracket === "{" ? 1 : -1;
    if (depth > deepest) return true;
  }
  return false;
}
