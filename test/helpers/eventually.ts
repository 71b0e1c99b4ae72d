/** Settles once the condition holds; fails where it does not for a long time. */
export async function eventually(condition: () => boolean, patienceMs = 20_000): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
