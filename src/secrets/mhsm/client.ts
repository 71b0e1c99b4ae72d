import { createHash, randomBytes } from "node:crypto";
import type { AccessToken, TokenCredential } from "@azure/identity";
import { KeyClient, type KeyClientOptions } from "@azure/keyvault-keys";
import type { EvidenceProvider } from "../../attestation/evidence.js";
import type { AttestationService } from "../../attestation/service.js";
import type { Environment } from "../../config/environment.js";
import type { SecretEntry } from "../../config/schema.js";
import { aesKeyBytes } from "../../crypto/aes-key.js";
import { unwrapKey, type KeyWrapAlgorithm } from "../../crypto/key-unwrap.js";
import { RefusedError, describeCause } from "../../errors.js";
import { retryUnavailable, type RetryContext } from "../../bounds/retry.js";
import type { Transport } from "../../net/transport.js";
import type { ReleasedKey, SecretReleaseClient } from "../client.js";
import { explainAzureFailure } from "./azure-failure.js";
import { AzureError, AzureSession } from "./azure-session.js";
import { createCredential } from "./credential.js";
import { verifyReleaseAnswer } from "./release-answer.js";
import { ForbiddenReleaseError, publicClaims } from "./public-claims.js";
import { createWrappingKey, type WrappingKey } from "./wrapping-key.js";

const nonceBytes = 32;
/** The API version if a secret names none. It is sent, so that the signed answer can be compared with it. */
const defaultApiVersion = "7.4";
/** Visible ASCII, which a header field may contain, and Node's limit on the size of all headers. */
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

/** A request to a vault. The answer is checked against it. */
interface Request {
  secret: SecretEntry;
  attestationToken: string;
  nonce: string;
}

/**
 * The built-in client of Azure Managed HSM's secure key release: new wrapping key → evidence whose report data is the
 * key's hash → attestation token → release → verified answer → unwrapped key. Releases share connections only, so they
 * may run in parallel.
 */
export class MhsmReleaseClient implements SecretReleaseClient {
  readonly #options: MhsmClientOptions;

  constructor(options: MhsmClientOptions) {
    this.#options = options;
  }

  /** Releases a secret in the steps that the class describes. @throws BootError that names the step */
  async release(secret: SecretEntry, context: RetryContext): Promise<ReleasedKey> {
    const { evidence, attestationFor } = this.#options;
    // The private key is in OpenSSL's memory only, which is cleared when the KeyObject is collected.
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
      try {
        return await session.run(() => this.#request(request, session, credential));
      } catch (error) {
        if (!(error instanceof AzureError)) throw error;
        const explained = explainAzureFailure(error, secret);
        if (error.last?.party !== "vault" || error.last.status !== 403) throw explained;
        const claims = publicClaims(request.attestationToken);
        throw new ForbiddenReleaseError(explained.failure, claims, { cause: error.cause });
      }
    };
    return retryUnavailable(attempt, context);
  }

  /**
   * Keeps the access token for all attempts. Until there is one, each attempt has a new credential: MSAL throttles a
   * client for a minute after a 429 or 5xx.
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

  /** Makes one attempt. It has a KeyClient of its own, which first sends a request without a token to get a challenge. */
  async #request(
    { secret, attestationToken, nonce }: Request,
    session: AzureSession,
    credential: TokenCredential,
  ): Promise<string> {
    const options: KeyClientOptions = session.clientOptions("vault");
    // KeyClientOptions lists the versions that the SDK was tested with, but the service accepts others too.
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
      const key = unwrapKey(algorithm, privateKey, answer.ciphertext, aesKeyBytes);
      if (key === undefined) {
        throw new Error(`something that does not unwrap to a key of ${aesKeyBytes} bytes`);
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
