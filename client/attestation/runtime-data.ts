import * as z from "zod";
import { parseCanonicalJson } from "../canonical-json.js";
import { fromBase64url } from "../encoding.js";
import { quote } from "../policy/wording.js";
import { VerificationError } from "../verification-error.js";
import { publicJwkSchema } from "./jwk.js";

export const purpose = "confml-client-attestation";
const hash = z.string().regex(/^[0-9a-f]{64}$/u);
/** At most as long as what a client sends. */
const nonce = z.string().refine((text) => isNonce(fromBase64url(text)), "16 to 64 bytes");

/** A model as it is named in runtime data and receipts. */
export const modelSchema = z.strictObject({ name: z.string(), version: z.string(), sha256: hash });

const schema = z.strictObject({
  purpose: z.literal(purpose),
  nonce: nonce.optional(),
  tls: z.string().refine((text) => fromBase64url(text)?.length === 32, "32 bytes"),
  encryption: publicJwkSchema,
  signing: publicJwkSchema,
  config: hash,
  model: modelSchema,
  version: z.string(),
  time: z.int().min(0),
});
/** What the evidence binds (docs/decisions: "Messages between server and clients"). */
export type RuntimeData = z.infer<typeof schema>;

/** Whether a nonce is as long as servers take. */
export function isNonce(bytes: Uint8Array | undefined): boolean {
  return bytes !== undefined && bytes.length >= 16 && bytes.length <= 64;
}

/**
 * Reads runtime data which a quote binds.
 *
 * @param bytes canonical JSON
 * @throws VerificationError RUNTIME_DATA_MALFORMED, PURPOSE_WRONG, RELEASE_KEYS_PRESENT
 */
export function readRuntimeData(bytes: Uint8Array): RuntimeData {
  const json = parseCanonicalJson(bytes);
  if (typeof json !== "object" || json === null) {
    throw new VerificationError(
      "RUNTIME_DATA_MALFORMED",
      "the runtime data: expected a JSON object in canonical form (RFC 8785)",
    );
  }
  if (Object.hasOwn(json, "keys")) {
    throw new VerificationError(
      "RELEASE_KEYS_PRESENT",
      "the runtime data has a member keys: this evidence was made for a key release, not for a client",
    );
  }
  const named: unknown = Reflect.get(json, "purpose");
  if (named !== purpose) {
    throw new VerificationError(
      "PURPOSE_WRONG",
      `the runtime data: expected the purpose ${quote(purpose)}, got ${quote(named)}`,
    );
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new VerificationError(
    "RUNTIME_DATA_MALFORMED",
    `the runtime data: ${issue?.path.join(".") ?? ""}: ${quote(issue?.message)}`,
  );
}
