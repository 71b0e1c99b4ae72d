import type { Check } from "../check.js";
import { toNumber, type Condition, type Node, type ScalarCondition } from "./conditions.js";
import { describeWanted, quote } from "./wording.js";

/** Claims as parsed JSON: of an attestation token, or computed from a quote. */
export type Claims = Readonly<Record<string, unknown>>;

/** Whether a node of a policy is met, and its parts. */
export type Evaluation =
  | { kind: "condition"; met: boolean; condition: Condition; got: unknown }
  | { kind: "allOf" | "anyOf"; met: boolean; parts: readonly Evaluation[] };

/** Compares claims with a node of a policy. Whether the claims are true is not checked here. */
export function evaluate(node: Node, claims: Claims): Evaluation {
  if (node.kind === "condition") {
    const got = claimAt(claims, node.claim);
    return { kind: "condition", met: isMet(node, got), condition: node, got };
  }
  const parts = node.parts.map((part) => evaluate(part, claims));
  const met =
    node.kind === "allOf" ? parts.every((part) => part.met) : parts.some((part) => part.met);
  return { kind: node.kind, met, parts };
}

/**
 * The conditions that decided: of an `anyOf` that is met, its first part that is met; else all parts.
 *
 * @returns a line for each
 */
export function toChecks(evaluation: Evaluation): Check[] {
  if (evaluation.kind === "condition") {
    const { met, condition, got } = evaluation;
    return [{ name: condition.claim, wanted: describeWanted(condition), got: quote(got), met }];
  }
  const { kind, met, parts } = evaluation;
  const decisive = kind === "anyOf" && met ? parts.filter((part) => part.met).slice(0, 1) : parts;
  return decisive.flatMap(toChecks);
}

/** A missing claim meets `exists: false` only; an object meets `exists: true` only, a list also `subsetOf`. */
function isMet(condition: Condition, got: unknown): boolean {
  if (condition.operator !== "subsetOf") return isScalarMet(condition, got);
  const { value: allowed } = condition;
  return (
    Array.isArray(got) && got.every((item) => typeof item === "string" && allowed.includes(item))
  );
}

function isScalarMet({ operator, value }: ScalarCondition, got: unknown): boolean {
  if (operator === "exists") return (got !== undefined) === (String(value) === "true");
  if (typeof got !== "string" && typeof got !== "number" && typeof got !== "boolean") return false;
  // A policy's "true" matches JSON true.
  if (operator === "equals") return String(got) === String(value);
  if (operator === "notEquals") return String(got) !== String(value);
  const [left, right] = [toNumber(got), toNumber(value)];
  if (left === undefined || right === undefined) return false;
  switch (operator) {
    case "less":
      return left < right;
    case "lessOrEquals":
      return left <= right;
    case "greater":
      return left > right;
    case "greaterOrEquals":
      return left >= right;
  }
}

/** A claim's name is a path of member names, with dots between them. */
function claimAt(claims: Claims, path: string): unknown {
  return path.split(".").reduce<unknown>((value, name) => {
    if (typeof value !== "object" || value === null) return undefined;
    return Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
  }, claims);
}
