import * as z from "zod";
import { fromBase64url } from "../encoding.js";
import { VerificationError } from "../verification-error.js";

const maxBase64url = 131_072;
const base64url = z
  .string()
  .max(maxBase64url)
  .transform((text, context) => {
    const bytes = fromBase64url(text);
    if (bytes !== undefined) return bytes;
    context.addIssue("base64url without padding");
    return z.NEVER;
  });

const schema = z.object({
  evidence: z.object({ type: z.enum(["sgx", "tdx"]), quote: base64url }),
  collateral: z.unknown().optional(),
  runtime_data: base64url,
});

/** An answer of `GET /attestation`, unverified. An attestation service's token in it is not read. */
export type Attestation = z.infer<typeof schema>;

/**
 * Reads an answer of `GET /attestation`.
 *
 * @param json parsed JSON
 * @throws VerificationError ATTESTATION_MALFORMED, EVIDENCE_UNSUPPORTED
 */
export function readAttestation(json: unknown): Attestation {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const places = parsed.error.issues.map(({ path }) => path.join(".") || "the answer");
  if (places.join() === "evidence.type") {
    throw new VerificationError(
      "EVIDENCE_UNSUPPORTED",
      "the attestation: expected evidence of type sgx or tdx",
    );
  }
  throw new VerificationError(
    "ATTESTATION_MALFORMED",
    `the attestation: expected another form of ${places.join(", ")}`,
  );
}
