import { isAxiosError, type AxiosInstance } from "axios";
import { z } from "zod";
import { BootError, RefusedError, UnavailableError, describeCause } from "../errors.js";
import { isTransientStatus, isUntrustedConnection, retryAfterMs } from "../net/http-failure.js";
import { quoteRemote } from "../net/remote-text.js";
import { retryUnavailable, type RetryContext } from "../net/retry.js";
import type { Evidence } from "./evidence.js";

const apiVersion = "2022-08-01";
const largestAnswerBytes = 1_048_576;

const answerSchema = z.object({ token: z.jwt() });
const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

export interface AttestationServiceOptions {
  /** `https://NAME.REGION.attest.azure.net` */
  endpoint: string;
  http: AxiosInstance;
  /** How long one attempt may wait for its answer. */
  attemptTimeoutMs: number;
}

/**
 * Client of Microsoft Azure Attestation: turns evidence into a signed token that a vault's release
 * policy is held against. The token is not verified here: the vault does it, and this process would
 * only be convincing itself.
 */
export class AttestationService {
  readonly #options: AttestationServiceOptions;

  constructor(options: AttestationServiceOptions) {
    this.#options = options;
  }

  /**
   * @param runtimeData JSON whose SHA-256 the evidence's report data holds; the token carries it as
   *   `x-ms-runtime`.
   * @returns the attestation token, a JWT
   * @throws RefusedError ATTESTATION_REFUSED, CONNECTION_UNTRUSTED, UnavailableError ATTESTATION_FAILED
   */
  async attest(
    evidence: Evidence,
    runtimeData: Uint8Array,
    context: RetryContext,
  ): Promise<string> {
    const attempt = (): Promise<string> => this.#attempt(evidence, runtimeData, context.signal);
    return retryUnavailable(attempt, context, ({ cause }) => retryAfterMs(cause));
  }

  get #doing(): string {
    return `attesting this code at ${this.#options.endpoint}`;
  }

  async #attempt(evidence: Evidence, data: Uint8Array, signal: AbortSignal): Promise<string> {
    try {
      return await this.#post(evidence, data, signal);
    } catch (cause) {
      if (cause instanceof BootError) throw cause;
      const failure = {
        doing: this.#doing,
        expected: "an attestation token",
        got: this.#describe(cause),
      };
      if (isUntrustedConnection(cause)) {
        throw new RefusedError(
          "CONNECTION_UNTRUSTED",
          {
            ...failure,
            fix: "Check Inference.Attestation.Endpoint and what lies on the way to it",
          },
          { cause },
        );
      }
      throw new UnavailableError(
        "ATTESTATION_FAILED",
        {
          ...failure,
          fix: "Check Inference.Attestation.Endpoint and the network, then start again",
        },
        { cause },
      );
    }
  }

  #describe(cause: unknown): string {
    if (!isAxiosError(cause)) return describeCause(cause);
    const { response } = cause;
    // A 200 whose body broke off is in the cause alone.
    if (response !== undefined && response.status !== 200) return `HTTP ${response.status}`;
    return cause.code === "ECONNABORTED"
      ? `no answer within ${this.#options.attemptTimeoutMs} ms`
      : describeCause(cause);
  }

  async #post(evidence: Evidence, runtimeData: Uint8Array, signal: AbortSignal): Promise<string> {
    const { endpoint, http, attemptTimeoutMs } = this.#options;
    const response = await http.post<unknown>(
      `${endpoint.replace(/\/$/u, "")}/attest/${evidence.type}`,
      {
        ...encodeEvidence(evidence),
        runtimeData: { data: Buffer.from(runtimeData).toString("base64url"), dataType: "JSON" },
      },
      {
        params: { "api-version": apiVersion },
        signal,
        timeout: attemptTimeoutMs,
        maxRedirects: 0,
        maxContentLength: largestAnswerBytes,
        validateStatus: (status) => !isTransientStatus(status),
      },
    );
    if (response.status !== 200) {
      const parsed = errorSchema.safeParse(response.data);
      const reason = parsed.success
        ? `: ${quoteRemote(`${parsed.data.error.code}: ${parsed.data.error.message}`)}`
        : "";
      throw new RefusedError("ATTESTATION_REFUSED", {
        doing: this.#doing,
        expected: "an attestation token",
        got: `HTTP ${response.status}${reason}`,
        fix: "Check that the service knows this kind of evidence and that its policy allows it",
      });
    }
    const parsed = answerSchema.safeParse(response.data);
    if (!parsed.success) {
      throw new RefusedError("ATTESTATION_REFUSED", {
        doing: this.#doing,
        expected: "a JSON answer with a token",
        got: "HTTP 200 without one",
        fix: "Check that the endpoint is an attestation service",
      });
    }
    return parsed.data.token;
  }
}

function encodeEvidence(evidence: Evidence): Record<string, string> {
  return evidence.type === "SgxEnclave"
    ? { quote: Buffer.from(evidence.quote).toString("base64url") }
    : { report: Buffer.from(evidence.report).toString("base64url") };
}
