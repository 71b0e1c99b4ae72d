import { markdownTable } from "../bench/table.js";
import type { Outcome } from "./mix.js";

/** The number of wrong answers that are kept with their details. */
const examples = 10;

/** Counts requests and their outcomes by kind. */
export class Tally {
  readonly #counts = new Map<string, Map<string, number>>();
  readonly wrong: string[] = [];
  #wrongCount = 0;

  get wrongCount(): number {
    return this.#wrongCount;
  }

  add(kind: string, { what, wrong }: Outcome): void {
    const counts = this.#counts.get(kind) ?? new Map<string, number>();
    this.#counts.set(kind, counts);
    const outcome = wrong === undefined ? what : `WRONG (${what})`;
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    if (wrong === undefined) return;
    this.#wrongCount += 1;
    if (this.wrong.length < examples) this.wrong.push(`${kind}: ${what}: ${wrong}`);
  }

  /** A Markdown table with one row for each kind. */
  table(): string {
    const rows = [...this.#counts].sort().map(([kind, counts]) => {
      const sent = [...counts.values()].reduce((sum, count) => sum + count, 0);
      const answers = [...counts].map(([what, count]) => `${count} × ${what}`).join(", ");
      return [kind, String(sent), answers];
    });
    return markdownTable(["request", "sent", "answered"], rows);
  }
}
