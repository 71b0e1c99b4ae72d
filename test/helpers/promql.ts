import { parser } from "@prometheus-io/lezer-promql";
import type { Family, Series } from "./exposition.js";

interface Matcher {
  label: string;
  operator: string;
  value: string;
}

interface Selector {
  metric: string;
  matchers: Matcher[];
}

/** Labels that Prometheus adds to what it scrapes. */
const addedLabels = new Set(["instance", "job"]);

/**
 * What is wrong with a PromQL expression: where it does not parse, and the metrics, labels and label values that it
 * selects and no scrape has. Empty where nothing is wrong.
 */
export function faultsOfExpression(expression: string, families: readonly Family[]): string[] {
  const text = expression.replaceAll("$__rate_interval", "5m");
  const { errors, selectors, groupings } = parseExpression(text);
  const series = families.flatMap((family) => family.series);
  const selected = selectors.flatMap(({ metric }) => series.filter(({ name }) => name === metric));
  const labels = new Set([...selected.flatMap((one) => Object.keys(one.labels)), ...addedLabels]);
  return [
    ...errors,
    ...(selectors.length === 0 ? ["selects no metric"] : []),
    ...selectors.flatMap((selector) => faultsOfSelector(selector, series)),
    ...groupings.filter((label) => !labels.has(label)).map((label) => `groups by ${label}`),
  ];
}

function faultsOfSelector({ metric, matchers }: Selector, series: readonly Series[]): string[] {
  const ofMetric = series.filter(({ name }) => name === metric);
  if (ofMetric.length === 0) return [`no series ${metric}`];
  const own = matchers.filter(({ label }) => !addedLabels.has(label));
  const found = ofMetric.some(({ labels }) => own.every((matcher) => fits(matcher, labels)));
  return found ? [] : [`no series ${metric} with ${JSON.stringify(own)}`];
}

function fits({ label, operator, value }: Matcher, labels: Record<string, string>): boolean {
  const actual = labels[label];
  if (actual === undefined) return false;
  const matches = operator.endsWith("~")
    ? new RegExp(`^(?:${value})$`, "u").test(actual)
    : actual === value;
  return operator.startsWith("!") ? !matches : matches;
}

function parseExpression(text: string) {
  const errors: string[] = [];
  const selectors: Selector[] = [];
  const groupings: string[] = [];
  let inGrouping = false;
  parser.parse(text).iterate({
    enter: ({ name, type, from, to }) => {
      const part = text.slice(from, to);
      if (type.isError) errors.push(`does not parse at ${from}: ${text}`);
      if (name === "GroupingLabels") inGrouping = true;
      if (name === "LabelName" && inGrouping) groupings.push(part);
      if (name === "VectorSelector") selectors.push({ metric: "", matchers: [] });
      const selector = selectors.at(-1);
      if (selector === undefined) return;
      if (name === "Identifier") selector.metric = part;
      if (name === "UnquotedLabelMatcher") selector.matchers.push(readMatcher(part));
    },
    leave: ({ name }) => {
      if (name === "GroupingLabels") inGrouping = false;
    },
  });
  return { errors, selectors, groupings };
}

function readMatcher(text: string): Matcher {
  const [, label = "", operator = "", quoted = '""'] =
    /^(\w+)\s*(=~|!~|!=|=)\s*(".*")$/su.exec(text) ?? [];
  return { label, operator, value: String(JSON.parse(quoted)) };
}
