import { createHash, randomBytes } from "node:crypto";
import type { AccessToken, TokenCredential } from "@azure/identity";
import { KeyClient, type KeyClientOptions } from "@azure/keyvault-keys";
import type { EvidenceProvider } from "../../attestation/evidence.js";
import type { AttestationService } from "../../attestation/service.js";
import type { Environment } from "../../config/environment.js";
import type { SecretEntry } from "../../config/schema.js";
import { unwrapKey, type KeyWrapAlgorithm } from "../../crypto/key-unwrap.js";
import { RefusedError, describeCause } from "../../errors.js";
import { retryUnavailable, type RetryContext } from "../../bounds/retry.js";
import type { Transport } from "../../net/transport.js";
import { keyBytes, type ReleasedKey, type SecretReleaseClient } from "../client.js";
import { explainAzureFailure } from "./azure-failure.js";
import { AzureSession } from "./azure-session.js";
import { createCredential } from "./credential.js";
import { verifyReleaseAnswer } from "./release-answer.js";
import { ForbiddenReleaseError, publicClaims } from "./public-claims.js";
import { createWrappingKey, type WrappingKey } from "./wrapping-key.js";

const nonceBytes = 32;
/** Where a secret names none: said aloud, so that the answer can be held to it. */
const defaultApiVersion = "7.4";
/** What a header takes, and an HTTP server's limit for all of them. */
const tokenForm = /^[\x21-\x7e]{1,16384}$/u;

export interface MhsmClientOptions {
  environment: Environment;
  evidence: EvidenceProvider;
  /** The attestation service of a secret's owner. */
  attestationFor: (secret: SecretEntry) => AttestationService;
  transport: Transport;
  /** Azure AD's address; absent: the public one. */
  authority: string | undefined;
  /** How the vault is to wrap the key. */
  algorithm: KeyWrapAlgorithm;
  /** How long one request may wait for its answer. */
  attemptTimeoutMs: number;
}

/** What is asked of a vault, and so what its answer has to be about. */
interface Request {
  secret: SecretEntry;
  attestationToken: string;
  nonce: string;
}

/**
 * The built-in client of Azure Managed HSM's secure key release: a fresh wrapping key → evidence
 * bound to it → attestation token → release → verified answer → unwrapped key. Nothing is shared
 * between releases but connections, so they may run side by side.
 */
export class MhsmReleaseClient implements SecretReleaseClient {
  readonly #options: MhsmClientOptions;

  constructor(options: MhsmClientOptions) {
    this.#options = options;
  }

  async release(secret: SecretEntry, context: RetryContext): Promise<ReleasedKey> {
    const { evidence, attestationFor } = this.#options;
    // Its private half is in OpenSSL's memory, nowhere else, and is cleared once this call lets go.
    const wrappingKey = await createWrappingKey();
    const reportData = createHash("sha256").update(wrappingKey.runtimeData).digest();
    const attestationToken = await attestationFor(secret).attest(
      await evidence.collect(reportData),
      wrappingKey.runtimeData,
      context,
    );
    const nonce = randomBytes(nonceBytes).toString("base64url");
    const request = { secret, attestationToken, nonce };
    const jws = await this.#requestWithRetries(request, context);
    return this.#open(jws, request, wrappingKey);
  }

  async #requestWithRetries(request: Request, context: RetryContext): Promise<string> {
    const { transport, attemptTimeoutMs } = this.#options;
    const { secret } = request;
    const session = new AzureSession({ transport, signal: context.signal, attemptTimeoutMs });
    const credential = this.#credential(secret, session);
    const attempt = async (): Promise<string> => {
      session.forget();
      try {
        return await this.#request(request, session, credential);
      } catch (cause) {
        const error = explainAzureFailure(cause, secret, session.last);
        const { party, status } = session.last ?? {};
        if (party !== "vault" || status !== 403) throw error;
        const claims = publicClaims(request.attestationToken);
        throw new ForbiddenReleaseError(error.failure, claims, { cause });
      }
    };
    return retryUnavailable(attempt, context, () => session.last?.retryAfterMs);
  }

  /**
   * A token that was got is good for all attempts. Until there is one, each attempt has a client of
   * its own: after a 429 or 5xx, Azure's refuses to ask again for a minute.
   */
  #credential(secret: SecretEntry, session: AzureSession): TokenCredential {
    const { environment, authority } = this.#options;
    let token: AccessToken | null = null;
    return {
      getToken: async (scopes, options) => {
        if (token !== null) return token;
        const tenantId = secret.Tenant;
        const credential = await createCredential({ environment, tenantId, authority, session });
        const got = await credential.getToken(scopes, options);
        if (got === null || !tokenForm.test(got.token)) throw unusableToken(secret);
        token = got;
        return token;
      },
    };
  }

  /** A client for each attempt: its first call, which the vault answers with a challenge, is alone. */
  async #request(
    { secret, attestationToken, nonce }: Request,
    session: AzureSession,
    credential: TokenCredential,
  ): Promise<string> {
    const options: KeyClientOptions = session.clientOptions("vault");
    // The type lists the versions that the SDK was tested with; the wire takes any.
    Object.assign(options, { serviceVersion: apiVersionOf(secret) });
    const client = new KeyClient(secret.SrsAddress, credential, options);
    const { algorithm } = this.#options;
    const { value } = await client.releaseKey(secret.ID, attestationToken, { algorithm, nonce });
    if (typeof value !== "string" || value === "") throw new Error("no value");
    return value;
  }

  async #open(
    jws: string,
    { secret, nonce }: Request,
    { kid, privateKey }: WrappingKey,
  ): Promise<ReleasedKey> {
    const { transport, algorithm } = this.#options;
    try {
      const answer = await verifyReleaseAnswer(jws, {
        host: new URL(secret.SrsAddress).hostname,
        keyName: secret.ID,
        algorithm,
        nonce,
        wrappingKeyId: kid,
        trustedRoots: transport.trustedRoots,
        apiVersion: apiVersionOf(secret),
      });
      const key = unwrapKey(algorithm, privateKey, answer.ciphertext, keyBytes);
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
}

function unusableToken({ ID: id }: SecretEntry): RefusedError {
  return new RefusedError("TOKEN_REFUSED", {
    doing: `getting a token from Azure AD for ${id}`,
    expected: "an access token",
    got: "none, or one that no request can carry",
    fix: "Check that Azure AD's address (Inference.Trust.Authority) is right",
  });
}

function apiVersionOf({ SrsApiVersion: version = defaultApiVersion }: SecretEntry): string {
  return version;
}
