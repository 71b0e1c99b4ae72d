/** One series of a scrape: `name{label="value"} value`. */
export interface Series {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** One metric of a scrape, with its series. */
export interface Family {
  name: string;
  help: string;
  type: string;
  series: Series[];
}

/** Reads Prometheus' text format, version 0.0.4, as prom-client writes it (prometheus.io/docs/instrumenting/exposition_formats). */
export function readExposition(text: string): Family[] {
  const families: Family[] = [];
  for (const line of text.split("\n").filter((one) => one !== "")) {
    const [, help, about = ""] = /^# HELP (\S+) (.*)$/u.exec(line) ?? [];
    const [, type = ""] = /^# TYPE \S+ (\S+)$/u.exec(line) ?? [];
    const family = families.at(-1);
    if (help !== undefined) families.push({ name: help, help: about, type: "", series: [] });
    else if (type !== "" && family !== undefined) family.type = type;
    else family?.series.push(readSeries(line));
  }
  return families;
}

function readSeries(line: string): Series {
  const [, name = "", labels = "", value = ""] = /^([\w:]+)(?:\{(.*)\})? (\S+)$/u.exec(line) ?? [];
  if (name === "") throw new Error(`no line of Prometheus' text format: ${line}`);
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/gu)];
  return {
    name,
    labels: Object.fromEntries(pairs.map(([, label = "", text = ""]) => [label, text])),
    value: Number(value.replace("Inf", "Infinity")),
  };
}
