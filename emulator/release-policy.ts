import { z } from "zod";

/**
 * Azure's secure key release policy grammar, version 1.0.0: `anyOf` of authorities, each with nested
 * `allOf`/`anyOf` of conditions on an attestation token's claims.
 */
const scalar = z.union([z.string(), z.number(), z.boolean()]);

const operators = [
  "equals",
  "notEquals",
  "less",
  "lessOrEquals",
  "greater",
  "greaterOrEquals",
  "exists",
] as const;
type Operator = (typeof operators)[number];

const conditionSchema = z
  .object({ claim: z.string().min(1) })
  .catchall(scalar)
  .refine((condition) => Object.keys(condition).length === 2, "one operator");

type Node = { allOf: Node[] } | { anyOf: Node[] } | z.infer<typeof conditionSchema>;

const nodeSchema: z.ZodType<Node> = z.lazy(() =>
  z.union([
    z.strictObject({ allOf: z.array(nodeSchema).min(1) }),
    z.strictObject({ anyOf: z.array(nodeSchema).min(1) }),
    conditionSchema,
  ]),
);

const authoritySchema = z.union([
  z.strictObject({ authority: z.url(), allOf: z.array(nodeSchema).min(1) }),
  z.strictObject({ authority: z.url(), anyOf: z.array(nodeSchema).min(1) }),
]);

const policySchema = z.strictObject({
  version: z.literal("1.0.0"),
  anyOf: z.array(authoritySchema).min(1),
});

export type ReleasePolicy = z.infer<typeof policySchema>;

/** Parses a release policy. @returns undefined for JSON that is not a policy */
export function parsePolicy(json: unknown): ReleasePolicy | undefined {
  const parsed = policySchema.safeParse(json);
  return parsed.success ? parsed.data : undefined;
}

/** Whether the verified claims of an authority's token meet a policy. */
export function meetsPolicy(
  policy: ReleasePolicy,
  authority: string,
  claims: Readonly<Record<string, unknown>>,
): boolean {
  return policy.anyOf.some((branch) => sameUrl(branch.authority, authority) && met(branch, claims));
}

function met(node: Node, claims: Readonly<Record<string, unknown>>): boolean {
  if ("allOf" in node && Array.isArray(node.allOf)) {
    return node.allOf.every((inner) => met(inner, claims));
  }
  if ("anyOf" in node && Array.isArray(node.anyOf)) {
    return node.anyOf.some((inner) => met(inner, claims));
  }
  const { claim, ...rest } = conditionSchema.parse(node);
  const [entry] = Object.entries(rest);
  const operator = operators.find((one) => one === entry?.[0]);
  if (entry === undefined || operator === undefined) return false;
  return compare(operator, claimAt(claims, claim), entry[1]);
}

/** A missing claim meets no comparison, not even `notEquals`. */
function compare(operator: Operator, claim: unknown, wanted: z.infer<typeof scalar>): boolean {
  if (operator === "exists") return (claim !== undefined) === (String(wanted) === "true");
  const parsed = scalar.safeParse(claim);
  if (!parsed.success) return false;
  const got = parsed.data;
  // A policy's "true" matches JSON true.
  if (operator === "equals") return String(got) === String(wanted);
  if (operator === "notEquals") return String(got) !== String(wanted);
  const [left, right] = [Number(got), Number(wanted)];
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
function claimAt(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  let value: unknown = claims;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name))
      return undefined;
    value = Reflect.get(value, name);
  }
  return value;
}

function sameUrl(one: string, other: string): boolean {
  return new URL(one).href === new URL(other).href;
}
