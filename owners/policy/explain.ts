import type { Condition, Node } from "../../client/policy/conditions.js";
import type { ReleasePolicy } from "./grammar.js";
import { sgxClaims } from "./sgx-claims.js";
import { describeWanted, quote } from "../../client/policy/wording.js";

/** Explains a policy in plain sentences: one line each, indented by two spaces for each level. */
export function explainPolicy({ branches }: ReleasePolicy): string[] {
  return branches.flatMap(({ authority, conditions }, index) => [
    `${index === 0 ? "The key is released" : "It is also released"} to code for which ${quote(authority)} vouches, where ${quantity(conditions)}:`,
    ...indent(parts(conditions).flatMap(explainNode)),
  ]);
}

function explainNode(node: Node): string[] {
  if (node.kind === "condition") return [`- ${explainCondition(node)}`];
  return [`- ${quantity(node)}:`, ...indent(node.parts.flatMap(explainNode))];
}

function parts(node: Node): readonly Node[] {
  return node.kind === "condition" ? [node] : node.parts;
}

function quantity(node: Node): string {
  return node.kind === "anyOf" ? "at least one of these holds" : "all of this holds";
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

function explainCondition(condition: Condition): string {
  const { claim, operator, value } = condition;
  const text = String(value);
  switch (`${claim} ${operator}`) {
    case `${sgxClaims.attestationType} equals`:
      return text === "sgx" ? "it runs in an Intel SGX enclave" : `it runs in ${quote(value)}`;
    case `${sgxClaims.mrenclave} equals`:
      return `it is exactly the code MRENCLAVE ${unquoted(text)}`;
    case `${sgxClaims.mrsigner} equals`:
      return `it is signed with the key MRSIGNER ${unquoted(text)}`;
    case `${sgxClaims.productId} equals`:
      return `it is its signer's product number ${unquoted(text)}`;
    case `${sgxClaims.securityVersion} greaterOrEquals`:
      return `its version (SVN) is ${text} or higher`;
    case `${sgxClaims.isDebuggable} equals`:
      if (text === "false") return "it is not a debug enclave";
      if (text === "true") return "it is a debug enclave, and no other";
  }
  if (operator === "exists") {
    return `it has ${text === "true" ? "a" : "no"} claim ${quote(claim)}`;
  }
  return `its claim ${quote(claim)} is ${describeWanted(condition)}`;
}

/** Shows measurements and numbers without quotes. */
function unquoted(text: string): string {
  return /^[0-9a-zA-Z]{1,128}$/u.test(text) ? text : quote(text);
}
