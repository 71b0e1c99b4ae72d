/** Resolves when the condition is true. @throws Error if it is not true in time */
export async function eventually(condition: () => boolean, patienceMs = 20_000): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
