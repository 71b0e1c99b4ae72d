import { generateKeyPair, randomUUID, type KeyObject } from "node:crypto";
import { promisify } from "node:util";

/**
 * Azure's own release clients use 2,048 bits; the key lives for one release, inside TLS.
 */
const modulusBits = 2048;

export interface WrappingKey {
  kid: string;
  privateKey: KeyObject;
  /**
   * JSON `{"keys":[JWK]}`: what the evidence's report data is the hash of, and where the vault finds
   * the key that it wraps with (claim `x-ms-runtime.keys`).
   */
  runtimeData: Buffer;
}

/** Makes the key pair that one released key is wrapped with; its private half never leaves here. */
export async function createWrappingKey(): Promise<WrappingKey> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)("rsa", {
    modulusLength: modulusBits,
  });
  const kid = randomUUID();
  const { kty, n, e } = publicKey.export({ format: "jwk" });
  const jwk = { kty, n, e, kid, use: "enc", key_ops: ["encrypt", "wrapKey"] };
  return { kid, privateKey, runtimeData: Buffer.from(JSON.stringify({ keys: [jwk] })) };
}
