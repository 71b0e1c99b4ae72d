import { generateKeyPair, randomUUID, type KeyObject } from "node:crypto";
import { promisify } from "node:util";

/** RSA key size, the same as in Azure's own release clients. A key is used for one release, inside TLS (decision 16). */
const modulusBits = 2048;

export interface WrappingKey {
  kid: string;
  privateKey: KeyObject;
  /**
   * JSON `{"keys":[JWK]}` with the public key. The evidence's report data is its SHA-256; the vault reads the key from
   * the token's claim `x-ms-runtime.keys`.
   */
  runtimeData: Buffer;
}

/** Makes an RSA key pair for wrapping one released key. The private key is never exported. */
export async function createWrappingKey(): Promise<WrappingKey> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)("rsa", {
    modulusLength: modulusBits,
  });
  const kid = randomUUID();
  const { kty, n, e } = publicKey.export({ format: "jwk" });
  const jwk = { kty, n, e, kid, use: "enc", key_ops: ["encrypt", "wrapKey"] };
  return { kid, privateKey, runtimeData: Buffer.from(JSON.stringify({ keys: [jwk] })) };
}
