import { toNumber, type Condition, type Node, type ReleasePolicy } from "./grammar.js";
import { describeWanted } from "./wording.js";

/** The claims of an attestation token, as parsed JSON. */
export type Claims = Readonly<Record<string, unknown>>;

/** Why a policy is not met: a condition that failed, or an `anyOf` of which every part failed. */
export type Unmet =
  { claim: string; wanted: string; got: unknown } | { noneOf: readonly (readonly Unmet[])[] };

export interface BranchResult {
  authority: string;
  /** Empty where the branch is met. */
  unmet: readonly Unmet[];
}

/**
 * Compares an attestation token's claims with each branch of a policy, as the vault does. A policy is met where one branch
 * is. The caller checks the token's signature.
 */
export function evaluatePolicy(policy: ReleasePolicy, claims: Claims): BranchResult[] {
  return policy.branches.map(({ authority, conditions }) => ({
    authority,
    unmet: [...unmetAuthority(authority, claims), ...unmetBy(conditions, claims)],
  }));
}

/** A branch applies to tokens of its authority only. */
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

/** A missing claim meets `exists: false` only; an object or a list meets `exists: true` only. */
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

/** A claim's name is a path of member names, with dots between them. */
function claimAt(claims: Claims, path: string): unknown {
  return path.split(".").reduce<unknown>((value, name) => {
    if (typeof value !== "object" || value === null) return undefined;
    return Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
  }, claims);
}
