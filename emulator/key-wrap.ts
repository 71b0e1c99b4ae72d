import {
  constants,
  createCipheriv,
  createPublicKey,
  publicEncrypt,
  randomBytes,
} from "node:crypto";
import { z } from "zod";

/** OAEP's hash by Azure's name of the wrapping. */
const oaepHashes: ReadonlyMap<string, string> = new Map([
  ["CKM_RSA_AES_KEY_WRAP", "sha1"],
  ["RSA_AES_KEY_WRAP_256", "sha256"],
  ["RSA_AES_KEY_WRAP_384", "sha384"],
]);

export const defaultWrapping = "CKM_RSA_AES_KEY_WRAP";

const runtimeClaim = z.object({
  keys: z.array(
    z.looseObject({
      kty: z.string(),
      kid: z.string(),
      n: z.string().optional(),
      e: z.string().optional(),
      use: z.string().optional(),
      key_ops: z.array(z.string()).optional(),
    }),
  ),
});

export interface WrappedKey {
  ciphertext: Buffer;
  /** The wrapping key's id. */
  kid: string;
}

export function isKnownWrapping(name: string): boolean {
  return oaepHashes.has(name);
}

/**
 * Wraps a key for the first key of claim `x-ms-runtime` that is for encryption: `RSA-OAEP(KEK) ‖
 * AES-KWP(KEK, key)` (PKCS #11's CKM_RSA_AES_KEY_WRAP; RFC 5649).
 *
 * @returns undefined where the claim holds no such key
 */
export function wrapForRuntime(
  key: Uint8Array,
  claim: unknown,
  wrapping: string,
): WrappedKey | undefined {
  const runtime = runtimeClaim.safeParse(claim);
  const oaepHash = oaepHashes.get(wrapping);
  if (!runtime.success || oaepHash === undefined) return undefined;
  const jwk = runtime.data.keys.find(
    ({ kty, use, key_ops: operations }) =>
      kty === "RSA" && (use === "enc" || operations?.includes("encrypt") === true),
  );
  if (jwk?.n === undefined || jwk.e === undefined) return undefined;
  const publicKey = createPublicKey({
    key: { kty: "RSA", n: jwk.n, e: jwk.e },
    format: "jwk",
  });
  const kek = randomBytes(32);
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const cipher = createCipheriv("id-aes256-wrap-pad", kek, Buffer.from("a65959a6", "hex"));
  const ciphertext = Buffer.concat([
    publicEncrypt({ key: publicKey, padding, oaepHash }, kek),
    cipher.update(key),
  ]);
  return { ciphertext, kid: jwk.kid };
}
