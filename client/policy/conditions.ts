import * as z from "zod";

/**
 * Conditions on claims: the part that release policies (Azure's secure key release policy grammar, version 1.0.0;
 * learn.microsoft.com: policy-grammar) and client policies have in common.
 */
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
export interface ScalarCondition {
  kind: "condition";
  /** The claim's name: a path of member names, with dots between them. */
  claim: string;
  operator: Operator;
  value: Scalar;
}

/** Requires a claim that is a list to have no other elements than these. Client policies alone have it. */
export interface ListCondition {
  kind: "condition";
  claim: string;
  operator: "subsetOf";
  value: readonly string[];
}

export type Condition = ScalarCondition | ListCondition;
export type Node = Condition | { kind: "allOf" | "anyOf"; parts: readonly Node[] };

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

/** The members `allOf` and `anyOf` of a branch or a condition: of both, at most one. */
export const groups = {
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
    subsetOf: z.array(z.string()).optional(),
  })
  .transform(({ allOf, anyOf, claim, subsetOf, ...comparisons }, context): Node => {
    const [operator, ...others] = operators.filter((name) => comparisons[name] !== undefined);
    const isAlone = allOf === undefined && anyOf === undefined && others.length === 0;
    if (claim === undefined && operator === undefined && subsetOf === undefined) {
      const group = toGroup({ allOf, anyOf });
      if (group !== undefined) return group;
    } else if (claim !== undefined && isAlone) {
      const value = operator === undefined ? undefined : comparisons[operator];
      if (operator !== undefined && value !== undefined && subsetOf === undefined) {
        return { kind: "condition", claim, operator, value };
      }
      if (operator === undefined && subsetOf !== undefined) {
        return { kind: "condition", claim, operator: "subsetOf", value: subsetOf };
      }
    }
    context.addIssue(`either allOf, or anyOf, or claim with one of ${operators.join(", ")}`);
    return z.NEVER;
  });

/** @returns undefined unless exactly one of the two is given */
export function toGroup(raw: {
  allOf?: Node[] | undefined;
  anyOf?: Node[] | undefined;
}): Node | undefined {
  const { allOf, anyOf } = raw;
  if (allOf !== undefined && anyOf === undefined) return { kind: "allOf", parts: allOf };
  if (anyOf !== undefined && allOf === undefined) return { kind: "anyOf", parts: anyOf };
  return undefined;
}

/** Whether a node cannot be met without one of certain conditions: each alternative of an `anyOf` has to have one. */
export function always(node: Node, isWanted: (condition: Condition) => boolean): boolean {
  if (node.kind === "condition") return isWanted(node);
  const has = (part: Node): boolean => always(part, isWanted);
  return node.kind === "allOf" ? node.parts.some(has) : node.parts.every(has);
}

/**
 * The most levels of nested arrays and objects; a group takes two. The functions that read a policy are recursive, so
 * deeper JSON could exhaust the stack.
 */
export const maxDepth = 128;

/** Whether JSON is nested more deeply than `maxDepth`. */
export function isTooDeep(json: unknown): boolean {
  let level: unknown[] = [json];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > maxDepth) return true;
    level = level.flatMap((value): unknown[] =>
      typeof value === "object" && value !== null ? Object.values(value) : [],
    );
  }
  return false;
}
