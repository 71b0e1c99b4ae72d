/** The most nested arrays and objects that recursive functions such as JSON.stringify and assert.deepEqual can take. */
const maxDepth = 500;

/** Whether a JSON text is too deep for the checks of the fuzz targets. Brackets in strings are counted as well. */
export function isTooDeep(json: string): boolean {
  let depth = 0;
  for (const [bracket] of json.matchAll(/[[\]{}]/gu)) {
    depth += bracket === "[" || bracket === "{" ? 1 : -1;
    if (depth > maxDepth) return true;
  }
  return false;
}
