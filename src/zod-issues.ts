import { z } from "zod";

/** The parts of a message about one value of a JSON file (errors.ts: Failure). */
export interface IssueText {
  /** Keys and indices that lead to the value: `Secret[0].ID`, or "the whole file". */
  where: string;
  expected: string;
  got: string;
  fix: string;
}

/**
 * Describes one issue of zod's for whoever wrote the file. Values of the file are quoted, up to 80 characters, so this is
 * for files without secrets only.
 *
 * @param root what was checked
 * @param schema what `root` was checked against; names the known keys if one is unknown
 */
export function describeIssue(
  issue: z.core.$ZodIssue,
  root: unknown,
  schema: z.ZodType,
): IssueText {
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    const known = knownKeys(schema, issue.path);
    return {
      where: dotted([...issue.path, key]),
      expected: known.length === 0 ? "no such key" : `one of the known keys (${known.join(", ")})`,
      got: JSON.stringify(key),
      fix: "Correct its spelling or take it out",
    };
  }
  const value = valueAt(root, issue.path);
  return {
    where: dotted(issue.path),
    expected: expectation(issue),
    got: value === undefined ? "nothing" : shortJson(value),
    fix: ownFix(issue) ?? (value === undefined ? "Add it" : "Correct the value"),
  };
}

/** The fix that a custom check of the schema gives in `params.fix`. */
function ownFix(issue: z.core.$ZodIssue): string | undefined {
  const fix: unknown = issue.code === "custom" ? issue.params?.["fix"] : undefined;
  return typeof fix === "string" ? fix : undefined;
}

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_value") {
    return `one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
  }
  if (issue.code === "too_small" || issue.code === "too_big") {
    const bound =
      issue.code === "too_small"
        ? `at least ${String(issue.minimum)}`
        : `at most ${String(issue.maximum)}`;
    if (issue.origin === "array") return `${bound} entries`;
    return issue.origin === "string" ? `${bound} characters` : bound;
  }
  if (issue.code === "invalid_type") {
    return issue.expected === "int" ? "a whole number" : `a value of type ${issue.expected}`;
  }
  // The schema states its own expectations as messages.
  return issue.message;
}

/** @returns the path as a reader of JSON writes it: `Secret[0].ID`; "the whole file" for an empty one */
export function dotted(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += text === "" ? String(part) : `.${String(part)}`;
  }
  return text === "" ? "the whole file" : text;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Reflect.get(value, part);
  }
  return value;
}

function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let inner: unknown = schema;
  for (const part of path) {
    inner = unwrapDefaults(inner);
    if (inner instanceof z.ZodObject) inner = Reflect.get(inner.shape, part);
    else if (inner instanceof z.ZodArray) inner = inner.element;
  }
  inner = unwrapDefaults(inner);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

function unwrapDefaults(schema: unknown): unknown {
  let inner = schema;
  while (
    inner instanceof z.ZodOptional ||
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodPrefault
  ) {
    inner = inner.unwrap();
  }
  return inner;
}

function shortJson(value: unknown): string {
  const json = JSON.stringify(value);
  return json.length <= 80 ? json : `${json.slice(0, 77)}...`;
}
