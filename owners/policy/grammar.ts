import { z } from "zod";
import { groups, isTooDeep, maxDepth, toGroup, type Node } from "../../client/policy/conditions.js";

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

const branch = z
  .strictObject({ authority: z.url({ error: "a URL" }), ...groups })
  .transform(({ authority, ...raw }, context): Branch => {
    const conditions = toGroup(raw);
    if (conditions === undefined) context.addIssue("authority with either allOf or anyOf");
    else if (hasListCondition(conditions)) {
      context.addIssue("conditions without subsetOf, which is for client policies alone");
    } else return { authority, conditions };
    return z.NEVER;
  });

const policy = z.strictObject({
  version: z.literal("1.0.0"),
  anyOf: z.array(branch).min(1),
});

/** `subsetOf` is an operator of client policies: vaults do not know it. */
function hasListCondition(node: Node): boolean {
  return node.kind === "condition"
    ? node.operator === "subsetOf"
    : node.parts.some(hasListCondition);
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
