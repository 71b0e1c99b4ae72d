/**
 * What the model owner and the data owner do on their own machines before a server runs: make a key, encrypt, and import
 * the key into their vault with a release policy.
 */
import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Agent } from "node:https";
import { ClientSecretCredential } from "@azure/identity";
import { KeyClient } from "@azure/keyvault-keys";
import { CompactEncrypt, compactDecrypt } from "jose";

const keyBytes = 32;
const serviceVersion = "7.3";

/** Reads an owner's key of 32 bytes, or creates the file if there is none. */
export async function ownersKey(file: string): Promise<Buffer> {
  try {
    const key = await readFile(file);
    if (key.length === keyBytes) return key;
  } catch {
    // The file does not exist yet.
  }
  const key = randomBytes(keyBytes);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, key, { mode: 0o600 });
  return key;
}

/** Encrypts as `openssl enc -e -aes256 -K <hex of the key> -iv 0` does: AES-256-CBC with an IV of zeros. */
export function encrypt(plaintext: Uint8Array, key: Uint8Array): Buffer {
  const cipher = createCipheriv("aes-256-cbc", key, Buffer.alloc(16));
  return Buffer.concat([cipher.update(plaintext), cipher.final()]);
}

/** Encrypts as `confml encrypt --kid` does: a JWE (RFC 7516) that its owner and the attested server can open. */
export function seal(
  plaintext: Uint8Array,
  key: Uint8Array,
  kid: string,
  alg: "A256KW" | "dir" = "A256KW",
): Promise<string> {
  return new CompactEncrypt(plaintext)
    .setProtectedHeader({ alg, enc: "A256GCM", kid })
    .encrypt(key);
}

/**
 * Opens a JWE, such as a sealed answer, as text.
 *
 * @throws Error for a JWE that does not open under the key
 */
export async function open(jwe: string, key: Uint8Array): Promise<string> {
  const { plaintext } = await compactDecrypt(jwe, key);
  return new TextDecoder().decode(plaintext);
}

/** SHA-256 as hexadecimal digits. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A release policy for the emulated enclave, which is debuggable, with this measurement. */
export function releasePolicy(authority: string, measurement: string): object {
  return {
    version: "1.0.0",
    anyOf: [
      {
        authority,
        allOf: [
          { claim: "x-ms-attestation-type", equals: "sgx" },
          { claim: "x-ms-sgx-mrenclave", equals: measurement },
          { claim: "x-ms-sgx-is-debuggable", equals: "true" },
        ],
      },
    ],
  };
}

/** A Managed HSM, and the login of an owner who may administer its keys. */
export interface Vault {
  url: string;
  tenantId: string;
  clientId: string;
  clientSecret: string;
  agent: Agent;
}

/** Imports a key into a Managed HSM. It is exportable, which means: released under the policy. */
export async function importKey(
  vault: Vault,
  name: string,
  key: Uint8Array,
  policy: object,
): Promise<void> {
  const { url, tenantId, clientId, clientSecret, agent } = vault;
  const viaAgent = { agent };
  const credential = new ClientSecretCredential(tenantId, clientId, clientSecret, {
    disableInstanceDiscovery: true,
    ...viaAgent,
  });
  await new KeyClient(url, credential, { serviceVersion, ...viaAgent }).importKey(
    name,
    { kty: "oct-HSM", k: key, keyOps: ["encrypt", "decrypt"] },
    {
      hardwareProtected: true,
      exportable: true,
      releasePolicy: { encodedPolicy: Buffer.from(JSON.stringify(policy)) },
    },
  );
}
