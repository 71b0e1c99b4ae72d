import { toNumber, type Condition, type Node, type ReleasePolicy } from "./grammar.js";
import { describeWanted } from "./wording.js";

export type Claims = Readonly<Record<string, unknown>>;

/** Why a policy is not met: a condition, or a choice in which each alternative failed. */
export type Unmet =
  { claim: string; wanted: string; got: unknown } | { noneOf: readonly (readonly Unmet[])[] };

export interface BranchResult {
  authority: string;
  /** Empty where the branch is met. */
  unmet: readonly Unmet[];
}

/**
 * Holds an attestation token's claims against each branch of a policy, as the vault would; the policy
 * is met where one branch is. The token's signature is the caller's concern.
 */
export function evaluatePolicy(policy: ReleasePolicy, claims: Claims): BranchResult[] {
  return policy.branches.map(({ authority, conditions }) => ({
    authority,
    unmet: [...unmetAuthority(authority, claims), ...unmetBy(conditions, claims)],
  }));
}

/** A token counts for the authority that issued it. */
function unmetAuthority(authority: string, claims: Claims): Unmet[] {
  const issuer = claimAt(claims, "iss");
  const isIssuer =
    typeof issuer === "string" &&
    URL.canParse(issuer) &&
    new URL(issuer).href === new URL(authority).href;
  if (isIssuer) return [];
  const wanted = describeWanted({
    kind: "condition",
    claim: "iss",
    operator: "equals",
    value: authority,
  });
  return [{ claim: "iss", wanted, got: issuer }];
}

function unmetBy(node: Node, claims: Claims): Unmet[] {
  if (node.kind === "condition") {
    const got = claimAt(claims, node.claim);
    if (isMet(node, got)) return [];
    return [{ claim: node.claim, wanted: describeWanted(node), got }];
  }
  const parts = node.parts.map((part) => unmetBy(part, claims));
  if (node.kind === "allOf") return parts.flat();
  if (parts.some((unmet) => unmet.length === 0)) return [];
  return parts.length === 1 ? parts.flat() : [{ noneOf: parts }];
}

/** A missing claim meets nothing but that it shall be missing; nor does an object or a list. */
function isMet({ operator, value }: Condition, got: unknown): boolean {
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

/** Claim names are dotted paths. */
function claimAt(claims: Claims, path: string): unknown {
  return path.split(".").reduce<unknown>((value, name) => {
    if (typeof value !== "object" || value === null) return undefined;
    return Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
  }, claims);
}
