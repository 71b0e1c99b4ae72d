import { z } from "zod";

/** Azure's secure key release policy grammar, version 1.0.0 (learn.microsoft.com: policy-grammar). */
export const operators = [
  "equals",
  "notEquals",
  "less",
  "lessOrEquals",
  "greater",
  "greaterOrEquals",
  "exists",
] as const;
export type Operator = (typeof operators)[number];
export type Scalar = string | number | boolean;

/** Compares a claim with a value. */
export interface Condition {
  kind: "condition";
  /** The claim's name: a path of member names, with dots between them. */
  claim: string;
  operator: Operator;
  value: Scalar;
}

export type Node = Condition | { kind: "allOf" | "anyOf"; parts: readonly Node[] };

/** The conditions for attestation tokens of one authority. */
export interface Branch {
  /** The attestation service's URL. */
  authority: string;
  conditions: Node;
}

/** A policy is met where any of its branches is. */
export interface ReleasePolicy {
  branches: readonly Branch[];
}

/** A decimal number. JavaScript's Number() would also accept hexadecimal digits, spaces and the empty string. */
const decimal = /^-?\d+(?:\.\d+)?$/u;

/** The number that a value is compared as. @returns undefined where it is neither a number nor a decimal text */
export function toNumber(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && decimal.test(value) ? Number(value) : undefined;
}

const scalar = z.union([z.string(), z.number(), z.boolean()], {
  error: "a string, a number, true or false",
});
const ordered = scalar.refine((value) => toNumber(value) !== undefined, "a number");
const truth = z.union([z.boolean(), z.enum(["true", "false"])], { error: "true or false" });

const groups = {
  allOf: z.lazy(() => z.array(node).min(1)).optional(),
  anyOf: z.lazy(() => z.array(node).min(1)).optional(),
};
const node: z.ZodType<Node> = z
  .strictObject({
    ...groups,
    claim: z.string().min(1).optional(),
    equals: scalar.optional(),
    notEquals: scalar.optional(),
    less: ordered.optional(),
    lessOrEquals: ordered.optional(),
    greater: ordered.optional(),
    greaterOrEquals: ordered.optional(),
    exists: truth.optional(),
  })
  .transform((raw, context): Node => {
    const { allOf, anyOf, claim, ...comparisons } = raw;
    const used = operators.filter((operator) => comparisons[operator] !== undefined);
    const [operator, ...others] = used;
    if (claim === undefined && operator === undefined) {
      const group = toGroup({ allOf, anyOf });
      if (group !== undefined) return group;
    }
    const value = operator === undefined ? undefined : comparisons[operator];
    const isAlone = allOf === undefined && anyOf === undefined && others.length === 0;
    if (claim !== undefined && operator !== undefined && value !== undefined && isAlone) {
      return { kind: "condition", claim, operator, value };
    }
    context.addIssue(`either allOf, or anyOf, or claim with one of ${operators.join(", ")}`);
    return z.NEVER;
  });

const branch = z
  .strictObject({ authority: z.url({ error: "a URL" }), ...groups })
  .transform(({ authority, ...raw }, context): Branch => {
    const conditions = toGroup(raw);
    if (conditions !== undefined) return { authority, conditions };
    context.addIssue("authority with either allOf or anyOf");
    return z.NEVER;
  });

const policy = z.strictObject({
  version: z.literal("1.0.0"),
  anyOf: z.array(branch).min(1),
});

/** @returns undefined unless exactly one of the two is given */
function toGroup(raw: {
  allOf?: Node[] | undefined;
  anyOf?: Node[] | undefined;
}): Node | undefined {
  const { allOf, anyOf } = raw;
  if (allOf !== undefined && anyOf === undefined) return { kind: "allOf", parts: allOf };
  if (anyOf !== undefined && allOf === undefined) return { kind: "anyOf", parts: anyOf };
  return undefined;
}

/**
 * The most levels of nested arrays and objects; a group takes two. The functions that read a policy are recursive, so
 * deeper JSON could exhaust the stack.
 */
const maxDepth = 128;

function isTooDeep(json: unknown): boolean {
  let level: unknown[] = [json];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > maxDepth) return true;
    level = level.flatMap((value): unknown[] =>
      typeof value === "object" && value !== null ? Object.values(value) : [],
    );
  }
  return false;
}

/**
 * Parses a release policy.
 *
 * @param text JSON
 * @throws Error that names the place where the text does not follow the grammar
 */
export function parsePolicy(text: string): ReleasePolicy {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error("not JSON");
  }
  if (isTooDeep(json)) throw new Error(`the policy: expected JSON at most ${maxDepth} deep`);
  const parsed = policy.safeParse(json);
  if (parsed.success) return { branches: parsed.data.anyOf };
  const [issue] = parsed.error.issues;
  const where = issue === undefined ? "" : issue.path.map(String).join(".");
  throw new Error(`${where === "" ? "the policy" : where}: ${expectation(issue)}`);
}

function expectation(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === "unrecognized_keys") {
    return `no key ${JSON.stringify(issue.keys[0])} is known here`;
  }
  if (issue?.code === "invalid_type") return `expected a value of type ${issue.expected}`;
  if (issue?.code === "invalid_value") {
    return `expected ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}`;
  }
  if (issue?.code === "too_small") return "expected at least one entry";
  // A message of the schema above.
  return `expected ${issue?.message ?? "something else"}`;
}
