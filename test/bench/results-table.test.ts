import { describe, expect, test } from "@jest/globals";
import { format } from "prettier";
import { readOptions } from "../../bench/options.js";
import { renderTable, replaceTable } from "../../bench/results-table.js";
import { report } from "../../bench/report.js";
import { resultsSchema } from "../../bench/results.js";
import { sampleResults } from "./sample-results.js";

const page = "# Performance\n\n<!-- bench:begin -->\n\nold\n\n<!-- bench:end -->\n\nthe rest\n";

/** A line's cells, by its title. */
function rowOf(table: string, title: string): string[] {
  const line = table.split("\n").find((candidate) => candidate.startsWith(`| ${title} `)) ?? "";
  return line
    .split("|")
    .slice(2, -1)
    .map((cell) => cell.trim());
}

describe("the table of docs/performance.md", () => {
  test("replaces only the text between the marks", () => {
    const replaced = replaceTable(page, sampleResults());
    expect(replaced).toContain(`<!-- bench:begin -->\n\n${renderTable(sampleResults())}\n\n<!--`);
    expect(replaced).not.toContain("old");
    expect(replaced.startsWith("# Performance\n\n")).toBe(true);
    expect(replaced.endsWith("<!-- bench:end -->\n\nthe rest\n")).toBe(true);
    expect(replaceTable(replaced, sampleResults())).toBe(replaced);
  });

  test("needs both marks, in order", () => {
    expect(() => replaceTable("# Performance\n", sampleResults())).toThrow("bench:begin");
    const turned = "<!-- bench:end -->\n<!-- bench:begin -->\n";
    expect(() => replaceTable(turned, sampleResults())).toThrow("below it");
  });

  test("has the figures in their columns", () => {
    const table = renderTable(sampleResults());
    expect(rowOf(table, "pictures/s, 32 clients")).toEqual(["80.0", "100", "130"]);
    expect(rowOf(table, "pictures/s, 32 clients, encrypted")).toEqual(["–", "98.0", "–"]);
    expect(rowOf(table, "× plain server, 32 clients")).toEqual(["1", "1.25", "1.63"]);
    expect(rowOf(table, "start to ready")).toEqual(["–", "1.50 s", "1.50 s"]);
    // Nobody was measured there.
    expect(table).not.toContain("128 clients");
  });

  test("shows the lowest and the highest round", () => {
    const results = sampleResults();
    const slower = results.runs.map((run) => ({
      ...run,
      round: 2,
      throughput: run.throughput / 2,
    }));
    const table = renderTable({ ...results, runs: [...results.runs, ...slower] });
    expect(rowOf(table, "pictures/s, 32 clients")[1]).toBe("75.0 (50.0–100)");
    expect(rowOf(table, "× plain server, 32 clients")[1]).toBe("1.25");
  });

  test("is formatted as prettier formats it", async () => {
    const options = { parser: "markdown", printWidth: 100 };
    const replaced = replaceTable(page, sampleResults());
    await expect(format(replaced, options)).resolves.toBe(replaced);
    const whole = report(sampleResults());
    await expect(format(whole, options)).resolves.toBe(whole);
  });
});

describe("results", () => {
  test("are the same after they were written to results.json and read", () => {
    const results = sampleResults();
    expect(resultsSchema.parse(JSON.parse(JSON.stringify(results)))).toEqual(results);
  });
});

describe("the options", () => {
  test("decide the folder: the committed results are of whole runs only", () => {
    expect(readOptions([])).toMatchObject({ full: true, repeats: 3, seconds: 5 });
    for (const words of [["--quick"], ["--only", "load,boot"], ["--variants", "fp32,int8"]]) {
      const options = readOptions(words);
      expect(options).toMatchObject({ full: false });
      expect(options === "help" ? "" : options.out).toMatch(/build\/bench-results$/u);
    }
  });

  test("are refused if they are unknown", () => {
    expect(() => readOptions(["--only", "lode"])).toThrow('got "lode"');
    expect(() => readOptions(["--repeats", "0"])).toThrow("above 0");
    expect(() => readOptions(["--fast"])).toThrow();
  });
});
