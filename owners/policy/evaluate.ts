import { evaluate, type Claims, type Evaluation } from "../../client/policy/evaluate.js";
import { describeWanted } from "../../client/policy/wording.js";
import type { ReleasePolicy } from "./grammar.js";

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
    unmet: [...unmetAuthority(authority, claims), ...unmetBy(evaluate(conditions, claims))],
  }));
}

/** A branch applies to tokens of its authority only. */
function unmetAuthority(authority: string, claims: Claims): Unmet[] {
  const issuer = claims["iss"];
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

function unmetBy(evaluation: Evaluation): Unmet[] {
  if (evaluation.met) return [];
  if (evaluation.kind === "condition") {
    const { condition, got } = evaluation;
    return [{ claim: condition.claim, wanted: describeWanted(condition), got }];
  }
  const parts = evaluation.parts.map(unmetBy);
  return evaluation.kind === "allOf" || parts.length === 1 ? parts.flat() : [{ noneOf: parts }];
}
