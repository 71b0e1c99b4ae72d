import { toNumber, type Condition, type Node } from "../../client/policy/conditions.js";
import type { Branch, ReleasePolicy } from "./grammar.js";
import { sgxClaims } from "./sgx-claims.js";
import { quote } from "../../client/policy/wording.js";

const azureAttestation = /\.attest\.azure\.(?:net|us|cn)$/u;

/** The weaknesses of a policy, one sentence each, for its owner. */
export function warnings({ branches }: ReleasePolicy): string[] {
  const authorities = new Set(branches.map(({ authority }) => authority));
  const ofBranches = branches.flatMap((branch) => {
    const subject =
      authorities.size === 1 ? "the policy" : `for ${quote(branch.authority)} the policy`;
    return warningsOf(branch).map((warning) => `${subject} ${warning}`);
  });
  // A set: branches that differ in the measurement only give the same warnings.
  const all = new Set(ofBranches);
  if (authorities.size > 1) {
    all.add(
      `the policy trusts ${authorities.size} attestation services: the word of any one of them suffices`,
    );
  }
  return [...all];
}

/** What a policy trusts beyond exact code: commands require the owner's explicit consent to it. */
export interface Trust {
  /** Whether any branch names no MRENCLAVE, and so trusts a signer or any code. */
  inSigner: boolean;
  /** Whether every such branch names signer, product and minimum version. */
  isSignerBounded: boolean;
  inDebugEnclaves: boolean;
}

/** Finds what a policy trusts. In doubt, it reports more trust rather than less. */
export function trustOf({ branches }: ReleasePolicy): Trust {
  const unnamed = branches.filter((branch) => !namesEqual(branch, sgxClaims.mrenclave));
  return {
    inSigner: unnamed.length > 0,
    isSignerBounded: unnamed.every(
      (branch) =>
        namesEqual(branch, sgxClaims.mrsigner) &&
        namesEqual(branch, sgxClaims.productId) &&
        names(branch, sgxClaims.securityVersion, isBound),
    ),
    inDebugEnclaves: !branches.every((branch) =>
      names(branch, sgxClaims.isDebuggable, forbidsDebug),
    ),
  };
}

function names(
  { conditions }: Branch,
  claim: string,
  test: (condition: Condition) => boolean,
): boolean {
  return requires(conditions, (condition) => condition.claim === claim && test(condition));
}

function namesEqual(branch: Branch, claim: string): boolean {
  return names(branch, claim, ({ operator }) => operator === "equals");
}

function warningsOf(branch: Branch): string[] {
  const { authority } = branch;
  const isCodeNamed = namesEqual(branch, sgxClaims.mrenclave);
  const isSignerNamed = namesEqual(branch, sgxClaims.mrsigner);

  const found: string[] = [];
  const url = new URL(authority);
  if (url.protocol !== "https:")
    found.push(`names an authority that is not https: ${quote(authority)}`);
  if (!azureAttestation.test(url.hostname)) {
    found.push(
      `names an authority that is not one of Azure's attestation services: whoever runs ${quote(authority)} decides who gets the key`,
    );
  }
  if (!names(branch, sgxClaims.attestationType, isEqual("sgx"))) {
    found.push("does not ask for Intel SGX: a token about something else may meet it");
  }
  if (!isCodeNamed && isSignerNamed) {
    found.push(
      "names no MRENCLAVE: whoever holds the signing key gets the key, with any code they sign",
    );
  }
  if (!isCodeNamed && !isSignerNamed) {
    found.push("names no MRENCLAVE and no MRSIGNER: any code, whoever wrote it, gets the key");
  }
  if (!isCodeNamed && isSignerNamed && !namesEqual(branch, sgxClaims.productId)) {
    found.push("names no product id: every product of that signer gets the key");
  }
  if (!names(branch, sgxClaims.isDebuggable, forbidsDebug)) {
    found.push("allows debug enclaves: whoever runs the machine can read the key out of one");
  }
  if (!names(branch, sgxClaims.securityVersion, isMinimum)) {
    found.push(
      isCodeNamed
        ? "names no minimum version (SVN): a build that it names goes on getting the key however old and vulnerable it becomes"
        : "names no minimum version (SVN): an old, vulnerable build gets the key as well",
    );
  }
  return found;
}

/** Whether claims that meet the node always meet a wanted condition; false where that is not certain. */
function requires(node: Node, isWanted: (condition: Condition) => boolean): boolean {
  if (node.kind === "condition") return isWanted(node);
  return node.kind === "allOf"
    ? node.parts.some((part) => requires(part, isWanted))
    : node.parts.every((part) => requires(part, isWanted));
}

function isEqual(wanted: string): (condition: Condition) => boolean {
  return ({ operator, value }) => operator === "equals" && String(value) === wanted;
}

function forbidsDebug(condition: Condition): boolean {
  const { operator, value } = condition;
  return isEqual("false")(condition) || (operator === "notEquals" && String(value) === "true");
}

/** Whether the condition limits a version at all, even to "at least 0". */
function isBound({ operator, value }: Condition): boolean {
  return toNumber(value) !== undefined && /^(?:greater|greaterOrEquals|equals)$/u.test(operator);
}

/** Whether the condition excludes a version: "at least 0" does not. */
function isMinimum({ operator, value }: Condition): boolean {
  const least = toNumber(value);
  if (least === undefined) return false;
  if (operator === "greater") return least >= 0;
  return (operator === "greaterOrEquals" || operator === "equals") && least > 0;
}
