import type { AxiosInstance } from "axios";
import { z } from "zod";
import { BootError, RefusedError, UnavailableError, describeCause } from "../errors.js";
import { isTransientHttpFailure, retryAfterMs } from "../net/http-failure.js";
import { retry } from "../net/retry.js";
import type { Evidence } from "./evidence.js";

const apiVersion = "2022-08-01";

const answerSchema = z.object({ token: z.jwt() });
const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

export interface AttestationServiceOptions {
  /** `https://NAME.REGION.attest.azure.net` */
  endpoint: string;
  http: AxiosInstance;
  onRetry: (attempt: { number: number; reason: string; delayMs: number }) => void;
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
   * @throws RefusedError ATTESTATION_REFUSED, UnavailableError ATTESTATION_FAILED
   */
  async attest(evidence: Evidence, runtimeData: Uint8Array, signal: AbortSignal): Promise<string> {
    const { onRetry } = this.#options;
    try {
      return await retry(async () => this.#post(evidence, runtimeData, signal), {
        signal,
        isTransient: isTransientHttpFailure,
        retryAfterMs,
        onRetry: ({ number, error, delayMs }) => {
          onRetry({ number, reason: describeCause(error), delayMs });
        },
      });
    } catch (cause) {
      if (cause instanceof BootError) throw cause;
      throw new UnavailableError(
        "ATTESTATION_FAILED",
        {
          doing: this.#doing,
          expected: "an attestation token",
          got: describeCause(cause),
          fix: "Check Inference.Attestation.Endpoint and the network, then start again",
        },
        { cause },
      );
    }
  }

  get #doing(): string {
    return `attesting this code at ${this.#options.endpoint}`;
  }

  async #post(evidence: Evidence, runtimeData: Uint8Array, signal: AbortSignal): Promise<string> {
    const { endpoint, http } = this.#options;
    const response = await http.post<unknown>(
      `${endpoint.replace(/\/$/u, "")}/attest/${evidence.type}`,
      {
        ...encodeEvidence(evidence),
        runtimeData: { data: Buffer.from(runtimeData).toString("base64url"), dataType: "JSON" },
      },
      {
        params: { "api-version": apiVersion },
        signal,
        maxRedirects: 0,
        validateStatus: (status) => status === 200 || (status >= 400 && !mayPass(status)),
      },
    );
    if (response.status !== 200) {
      const parsed = errorSchema.safeParse(response.data);
      const reason = parsed.success
        ? `: ${parsed.data.error.code}: ${parsed.data.error.message}`
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
        fix: "Check that Inference.Attestation.Endpoint is an attestation service",
      });
    }
    return parsed.data.token;
  }
}

function mayPass(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

function encodeEvidence(evidence: Evidence): Record<string, string> {
  return evidence.type === "SgxEnclave"
    ? { quote: Buffer.from(evidence.quote).toString("base64url") }
    : { report: Buffer.from(evidence.report).toString("base64url") };
}
