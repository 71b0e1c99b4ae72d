import {
  constants,
  createCipheriv,
  createPublicKey,
  publicEncrypt,
  randomBytes,
} from "node:crypto";
import { z } from "zod";

/** The hash of OAEP for each of Azure's wrapping algorithms. */
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
  /** The wrapping key's ID. */
  kid: string;
}

/** Whether the vault supports a wrapping algorithm, such as `RSA_AES_KEY_WRAP_256`. */
export function isKnownWrapping(name: string): boolean {
  return oaepHashes.has(name);
}

/**
 * Wraps a key with the first RSA key for encryption in the claim `x-ms-runtime`: `RSA-OAEP(KEK) ‖ AES-KWP(KEK, key)`
 * (PKCS #11, CKM_RSA_AES_KEY_WRAP; RFC 5649).
 *
 * @param claim the value of `x-ms-runtime`
 * @returns undefined if the claim has no such key or the wrapping is unknown
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
