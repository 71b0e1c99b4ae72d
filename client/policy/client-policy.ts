import * as z from "zod";
import { VerificationError } from "../verification-error.js";
import { groups, isTooDeep, maxDepth, toGroup, type Node } from "./conditions.js";
import { namesCode } from "./server-claims.js";

/** What a data owner requires of a server: any of these branches. */
export interface ClientPolicy {
  branches: readonly Node[];
}

const branch = z.strictObject(groups).transform((raw, context): Node => {
  const conditions = toGroup(raw);
  if (conditions !== undefined) return conditions;
  context.addIssue("either allOf or anyOf");
  return z.NEVER;
});
const policySchema = z.strictObject({ version: z.literal("1.0.0"), anyOf: z.array(branch).min(1) });

/**
 * Parses a client policy: a release policy without authorities, since the client verifies the quote itself.
 *
 * @param text JSON
 * @throws VerificationError POLICY_INVALID, naming the place where the text does not follow the grammar
 */
export function parseClientPolicy(text: string): ClientPolicy {
  const refuse = (problem: string): VerificationError =>
    new VerificationError("POLICY_INVALID", `the policy: ${problem}`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw refuse("expected JSON");
  }
  if (isTooDeep(json)) throw refuse(`expected JSON at most ${maxDepth} deep`);
  const parsed = policySchema.safeParse(json);
  if (parsed.success) {
    const branches = parsed.data.anyOf;
    if (branches.every(namesCode)) return { branches };
    throw refuse(
      "expected each branch to require a measurement (MRENCLAVE, or MRTD with all four RTMRs), or a signer with product and version: without them, " +
        "anyone's enclave would be accepted",
    );
  }
  const [issue] = parsed.error.issues;
  throw refuse(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`);
}
