import { z } from "zod";
import { RefusedError, UnavailableError, type BootError } from "../errors.js";
import { toConnectionError, type ConnectionError } from "../net/connection-error.js";
import { exchange, type Answer } from "../net/exchange.js";
import { isTransientStatus, parseRetryAfter } from "../net/http-failure.js";
import { quoteCode } from "../net/remote-code.js";
import { retryUnavailable, type RetryContext } from "../bounds/retry.js";
import { parseShallowJson } from "../net/shallow-json.js";
import type { Transport } from "../net/transport.js";
import type { Evidence } from "./evidence.js";

const apiVersion = "2022-08-01";
/** Error codes of Microsoft Azure Attestation (learn.microsoft.com: Azure Attestation troubleshooting guide). */
const knownCodes = new Set([
  "BadRequest",
  "Forbidden",
  "InternalError",
  "InvalidOperation",
  "InvalidParameter",
  "InvalidQuote",
  "NotFound",
  "PolicyEvaluationError",
  "PolicyParsingError",
  "Unauthorized",
]);

const answerSchema = z.object({ token: z.jwt() });
const errorSchema = z.object({ error: z.object({ code: z.unknown() }) });

export interface AttestationServiceOptions {
  /** `https://NAME.REGION.attest.azure.net` */
  endpoint: string;
  transport: Transport;
  /** Time for one attempt, from the connection to the last byte of the answer. */
  attemptTimeoutMs: number;
}

/**
 * Client of Microsoft Azure Attestation: exchanges evidence for a signed token, which a vault compares with a key's
 * release policy. The token is not verified here, because only the vault relies on it.
 */
export class AttestationService {
  readonly #options: AttestationServiceOptions;

  constructor(options: AttestationServiceOptions) {
    this.#options = options;
  }

  /**
   * Requests a token, with retries.
   *
   * @param runtimeData JSON whose SHA-256 is in the evidence's report data; the token has it as `x-ms-runtime`
   * @returns the attestation token, a JWT
   * @throws RefusedError ATTESTATION_REFUSED or CONNECTION_UNTRUSTED; UnavailableError ATTESTATION_FAILED
   */
  async attest(
    evidence: Evidence,
    runtimeData: Uint8Array,
    context: RetryContext,
  ): Promise<string> {
    return retryUnavailable(
      async () => this.#read(await this.#ask(evidence, runtimeData, context.signal)),
      context,
    );
  }

  async #ask(evidence: Evidence, runtimeData: Uint8Array, signal: AbortSignal): Promise<Answer> {
    const { endpoint, transport, attemptTimeoutMs: timeoutMs } = this.#options;
    const question = {
      method: "POST",
      url: `${endpoint.replace(/\/$/u, "")}/attest/${evidence.type}?api-version=${apiVersion}`,
      headers: { accept: "application/json", "content-type": "application/json" },
      body: JSON.stringify({
        ...encodeFields(evidence),
        runtimeData: { data: Buffer.from(runtimeData).toString("base64url"), dataType: "JSON" },
      }),
    };
    try {
      return await exchange(transport, question, { signal, timeoutMs });
    } catch (cause) {
      throw this.#explain(toConnectionError(cause));
    }
  }

  #explain(cause: ConnectionError): BootError {
    const { message: got, problem } = cause;
    const where = "Check Inference.Attestation.Endpoint (or the secret's AttestationEndpoint)";
    switch (problem) {
      case "untrusted":
        return new RefusedError(
          "CONNECTION_UNTRUSTED",
          { ...this.#aim, got, fix: `${where} and what lies on the way to it` },
          { cause },
        );
      case "unusable":
        return new RefusedError(
          "ATTESTATION_REFUSED",
          { ...this.#aim, got, fix: where },
          { cause },
        );
      case "unavailable":
        return new UnavailableError(
          "ATTESTATION_FAILED",
          { ...this.#aim, got, fix: `${where} and the network, then start again` },
          { cause },
        );
    }
  }

  #read({ status, headers, text }: Answer): string {
    if (isTransientStatus(status)) {
      throw new UnavailableError(
        "ATTESTATION_FAILED",
        { ...this.#aim, got: `HTTP ${status}`, fix: "Start again later" },
        { retryAfterMs: parseRetryAfter(headers["retry-after"]) },
      );
    }
    if (status !== 200) {
      const parsed = errorSchema.safeParse(parseShallowJson(text));
      const code = parsed.success ? quoteCode(parsed.data.error.code, knownCodes) : "";
      throw new RefusedError("ATTESTATION_REFUSED", {
        ...this.#aim,
        got: code === "" ? `HTTP ${status}` : `HTTP ${status}: ${code}`,
        fix: "Check that the service knows this kind of evidence and that its policy allows it",
      });
    }
    const parsed = answerSchema.safeParse(parseShallowJson(text));
    if (!parsed.success) {
      throw new RefusedError("ATTESTATION_REFUSED", {
        doing: this.#aim.doing,
        expected: "a JSON answer with a token",
        got: "HTTP 200 without one",
        fix: "Check that the endpoint is an attestation service",
      });
    }
    return parsed.data.token;
  }

  get #aim(): { doing: string; expected: string } {
    const doing = `attesting this code at ${this.#options.endpoint}`;
    return { doing, expected: "an attestation token" };
  }
}

function encodeFields({ fields }: Evidence): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64url")]),
  );
}
