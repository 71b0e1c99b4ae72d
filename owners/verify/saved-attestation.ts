import { z } from "zod";
import { verifyServer, type ServerProof } from "../../client/attestation/verify-server.js";
import { fromBase64url } from "../../client/encoding.js";
import type { ClientPolicy } from "../../client/policy/client-policy.js";
import type { TrustedRoot } from "../../client/quote/certificate-chain.js";
import { maxTextBytes, nameOf, readInput } from "../io/input.js";
import { CommandError } from "../usage.js";

const schema = z.strictObject({
  format: z.literal("confml-attestation-1"),
  url: z.string(),
  /** When it was saved, by the verifier's clock; ISO 8601. */
  time: z.iso.datetime(),
  /** Base64url. */
  nonce: z.string(),
  /** The server's answer, with the collateral that it was verified with. */
  attestation: z.record(z.string(), z.unknown()),
});

/** An attestation that `confml verify --save` wrote: enough to check the server's receipts years later. */
export type SavedAttestation = z.infer<typeof schema>;

/** @throws CommandError */
export async function readSavedAttestation(file: string): Promise<SavedAttestation> {
  const text = (await readInput(file, "--attestation", maxTextBytes)).toString("utf8");
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new CommandError(
      `${nameOf(file)} is no saved attestation`,
      ["confml verify --save writes one, before the pictures are sent"],
      { cause },
    );
  }
}

/**
 * Verifies a saved attestation as of when it was saved.
 *
 * @throws VerificationError
 */
export function verifySaved(
  { attestation, nonce, time }: SavedAttestation,
  policy: ClientPolicy,
  roots: readonly TrustedRoot[] | undefined,
): Promise<ServerProof> {
  return verifyServer({
    attestation,
    nonce: fromBase64url(nonce) ?? new Uint8Array(),
    tlsKeySha256: undefined,
    policy,
    now: new Date(time),
    ...(roots === undefined ? {} : { roots }),
  });
}
