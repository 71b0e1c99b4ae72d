import { createHash, randomBytes } from "node:crypto";
import type { TokenCredential } from "@azure/identity";
import { KeyClient, type KeyClientOptions } from "@azure/keyvault-keys";
import type { EvidenceProvider } from "../../attestation/evidence.js";
import type { AttestationService } from "../../attestation/service.js";
import type { SecretEntry } from "../../config/schema.js";
import { unwrapKey } from "../../crypto/key-unwrap.js";
import { RefusedError, describeCause } from "../../errors.js";
import type { Transport } from "../../net/transport.js";
import { keyBytes, type ReleasedKey, type SecretReleaseClient } from "../client.js";
import { verifyReleaseAnswer } from "./release-answer.js";
import { explainAzureFailure } from "./azure-failure.js";
import { createWrappingKey } from "./wrapping-key.js";

const algorithm = "RSA_AES_KEY_WRAP_256";
const nonceBytes = 32;

export interface MhsmClientOptions {
  credential: TokenCredential;
  evidence: EvidenceProvider;
  attestation: AttestationService;
  transport: Transport;
}

/**
 * The built-in client of Azure Managed HSM's secure key release: a fresh wrapping key → evidence
 * bound to it → attestation token → release → verified answer → unwrapped key.
 */
export class MhsmReleaseClient implements SecretReleaseClient {
  readonly #options: MhsmClientOptions;

  constructor(options: MhsmClientOptions) {
    this.#options = options;
  }

  async release(secret: SecretEntry, signal: AbortSignal): Promise<ReleasedKey> {
    const { evidence, attestation, transport } = this.#options;
    const wrappingKey = await createWrappingKey();
    const reportData = createHash("sha256").update(wrappingKey.runtimeData).digest();
    const token = await attestation.attest(
      await evidence.collect(reportData),
      wrappingKey.runtimeData,
      signal,
    );

    const nonce = randomBytes(nonceBytes).toString("base64url");
    const jws = await this.#requestRelease(secret, token, nonce, signal);
    try {
      const answer = await verifyReleaseAnswer(jws, {
        host: new URL(secret.SrsAddress).hostname,
        keyName: secret.ID,
        algorithm,
        nonce,
        wrappingKeyId: wrappingKey.kid,
        trustedRoots: transport.trustedRoots,
        ...(secret.SrsApiVersion === undefined ? {} : { apiVersion: secret.SrsApiVersion }),
      });
      const key = unwrapKey(algorithm, wrappingKey.privateKey, answer.ciphertext, keyBytes);
      if (key === undefined) {
        throw new Error(`something that does not unwrap to a key of ${keyBytes} bytes`);
      }
      return answer.version === undefined ? { key } : { key, version: answer.version };
    } catch (cause) {
      throw new RefusedError(
        "RELEASE_INVALID",
        {
          doing: `checking ${secret.SrsAddress}'s release of ${secret.ID}`,
          expected: "an answer to this request, signed by the vault",
          got: describeCause(cause),
          fix: "Check the vault's address and that nothing between it and this server alters answers",
        },
        { cause },
      );
    }
  }

  async #requestRelease(
    secret: SecretEntry,
    token: string,
    nonce: string,
    signal: AbortSignal,
  ): Promise<string> {
    const { credential, transport } = this.#options;
    const options: KeyClientOptions & { agent: Transport["agent"] } = { agent: transport.agent };
    if (secret.SrsApiVersion !== undefined) {
      // The type lists the versions that the SDK was tested with; the wire takes any.
      Object.assign(options, { serviceVersion: secret.SrsApiVersion });
    }
    const client = new KeyClient(secret.SrsAddress, credential, options);
    try {
      const { value } = await client.releaseKey(secret.ID, token, {
        algorithm,
        nonce,
        abortSignal: signal,
      });
      if (typeof value !== "string" || value === "") throw new Error("HTTP 200 without a value");
      return value;
    } catch (cause) {
      throw explainAzureFailure(cause, secret);
    }
  }
}
