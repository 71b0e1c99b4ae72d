import type { ClientSecretCredentialOptions } from "@azure/identity";
import { Deadline } from "../../net/deadline.js";
import { parseRetryAfter } from "../../net/http-failure.js";
import type { Transport } from "../../net/transport.js";

export type AzureParty = "azureAd" | "vault";

/** How the last request ended, which Azure's packages do not always tell. */
export interface LastAnswer {
  party: AzureParty;
  status?: number;
  retryAfterMs?: number;
  /** In place of a status: what broke the connection, or the wait for an answer. */
  failure?: unknown;
}

type Policies = NonNullable<ClientSecretCredentialOptions["additionalPolicies"]>;
type Policy = Policies[number]["policy"];

export interface AzureSessionOptions {
  transport: Transport;
  signal: AbortSignal;
  /** How long one request may wait for its answer. */
  attemptTimeoutMs: number;
}

/**
 * One release's connections to Azure. Azure's packages ignore signals while they ask for a token, hide
 * the status of an answer without a body, and try again unseen; so each of their requests passes here,
 * where it gets its time limit and leaves a note of how it ended.
 */
export class AzureSession {
  readonly #options: AzureSessionOptions;
  #last: LastAnswer | undefined;

  constructor(options: AzureSessionOptions) {
    this.#options = options;
  }

  get agent(): Transport["agent"] {
    return this.#options.transport.agent;
  }

  /** How the last request since `forget` ended. */
  get last(): LastAnswer | undefined {
    return this.#last;
  }

  forget(): void {
    this.#last = undefined;
  }

  /** What every client of Azure's gets. */
  clientOptions(party: AzureParty) {
    return {
      agent: this.agent,
      retryOptions: { maxRetries: 0 },
      additionalPolicies: [
        { policy: this.#observe(party), position: "perRetry" },
      ] satisfies Policies,
    };
  }

  #observe(party: AzureParty): Policy {
    const { signal, attemptTimeoutMs } = this.#options;
    return {
      name: "confml-observe",
      sendRequest: async (request, next) => {
        const deadline = new Deadline(attemptTimeoutMs, signal);
        request.abortSignal = deadline.signal;
        try {
          const response = await next(request);
          const retryAfterMs = parseRetryAfter(response.headers.get("retry-after"));
          this.#last = {
            party,
            status: response.status,
            ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
          };
          return response;
        } catch (error) {
          const failure = deadline.isExpired
            ? new Error(`no answer within ${attemptTimeoutMs} ms`)
            : error;
          this.#last = { party, failure };
          throw error;
        } finally {
          deadline.end();
        }
      },
    };
  }
}
