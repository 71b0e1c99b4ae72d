import type { Spread } from "./statistics.js";

/** A Markdown table with columns padded to the widest cell, as prettier does. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

/** A number with three significant digits, or all digits before the point. */
export function digits(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** The median and, in brackets, the range of the rounds. */
export function times(values: Spread | undefined, unit = ""): string {
  if (values === undefined) return "–";
  const { median, min, max } = values;
  const shown = unit === "" ? digits(median) : `${digits(median)} ${unit}`;
  return min === max ? shown : `${shown} (${digits(min)}–${digits(max)})`;
}

export function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? "–" : `${(bytes / 1e6).toFixed(0)} MB`;
}
