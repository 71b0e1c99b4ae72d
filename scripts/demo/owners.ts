import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Agent, type RequestOptions } from "node:https";
import type { Duplex } from "node:stream";
import { ClientSecretCredential } from "@azure/identity";
import { KeyClient } from "@azure/keyvault-keys";
import { CompactEncrypt, compactDecrypt } from "jose";

/**
 * What the model owner and the data owner do on their own machines, before any server runs: make a
 * key, encrypt, import the key into their vault with a release policy.
 */

const keyBytes = 32;
const serviceVersion = "7.3";

/** Reads an owner's key, or makes it the first time. */
export async function ownersKey(file: string): Promise<Buffer> {
  try {
    const key = await readFile(file);
    if (key.length === keyBytes) return key;
  } catch {
    // Not there yet.
  }
  const key = randomBytes(keyBytes);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, key, { mode: 0o600 });
  return key;
}

/** As `openssl enc -e -aes256 -K <hex of the key> -iv 0` writes it. */
export function encrypt(plaintext: Uint8Array, key: Uint8Array): Buffer {
  const cipher = createCipheriv("aes-256-cbc", key, Buffer.alloc(16));
  return Buffer.concat([cipher.update(plaintext), cipher.final()]);
}

/** As `confml encrypt --kid` writes it: a JWE that its owner alone, and the attested server, can open. */
export function seal(plaintext: Uint8Array, key: Uint8Array, kid: string): Promise<string> {
  return new CompactEncrypt(plaintext)
    .setProtectedHeader({ alg: "A256KW", enc: "A256GCM", kid })
    .encrypt(key);
}

/** @throws Error for a JWE that does not open under the key */
export async function open(jwe: string, key: Uint8Array): Promise<string> {
  const { plaintext } = await compactDecrypt(jwe, key);
  return new TextDecoder().decode(plaintext);
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Released to this code, emulated and debuggable as it is, and to no other. */
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

export interface Vault {
  url: string;
  tenantId: string;
  clientId: string;
  clientSecret: string;
  agent: Agent;
}

/** Imports a key into a Managed HSM: exportable, and released under a policy only. */
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

/** Dials the emulator whatever host is asked for; names and certificates are checked as ever. */
export class EmulatorAgent extends Agent {
  readonly #port: number;

  constructor(port: number, ca: string) {
    super({ ca });
    this.#port = port;
  }

  override createConnection(
    options: RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    return super.createConnection({ ...options, host: "127.0.0.1", port: this.#port }, callback);
  }
}
