import type { Result } from "../../client/confml-client.js";
import { escapeInvisible } from "../../client/policy/wording.js";

/** What became of one picture. */
export type Outcome =
  { file: string; result: Result } | { file: string; error: { code: string; message: string } };

export type OutputForm = "table" | "json" | "csv";

const barWidth = 20;
const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** The lines for one picture; of failures, a table and CSV have none. */
export function describeOutcome(outcome: Outcome, form: OutputForm): string[] {
  if (form === "json") return [JSON.stringify(toRecord(outcome))];
  if ("error" in outcome) return [];
  return form === "csv" ? toCsv(outcome) : toTable(outcome);
}

/** The first line of CSV (RFC 4180). */
export const csvHeader = "file,rank,index,label,probability";

function toRecord(outcome: Outcome): object {
  if ("error" in outcome) return outcome;
  const { file, result } = outcome;
  const { model, predictions, receipt } = result;
  return { file, model, predictions, ...(receipt === undefined ? {} : { receipt }) };
}

function toCsv({ file, result }: { file: string; result: Result }): string[] {
  return result.predictions.map(({ rank, index, label, probability }) =>
    [file, rank, index, label, probability ?? ""].map(csvField).join(","),
  );
}

/** RFC 4180, section 2: fields with commas, quotes or line breaks stand in quotes. */
function csvField(value: string | number): string {
  const text = String(value);
  // A spreadsheet would take such a text for a formula.
  const safe = typeof value === "string" && /^[=+\-@\t\r]/u.test(text) ? `'${text}` : text;
  return /[",\r\n]/u.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function toTable({ file, result }: { file: string; result: Result }): string[] {
  const rows = result.predictions.map(({ label, probability }) => {
    const name = escapeInvisible(label);
    if (probability === undefined) return `  ${name}`;
    const percent = `${(100 * probability).toFixed(1)} %`.padStart(7);
    return `  ${percent}  ${bar(probability).padEnd(barWidth)}  ${name}`;
  });
  return [escapeInvisible(file), ...rows, ""];
}

function bar(share: number): string {
  const units = Math.round(share * barWidth * 8);
  return "█".repeat(Math.floor(units / 8)) + (eighths[units % 8] ?? "");
}
