import type { ClientSecretCredentialOptions } from "@azure/identity";
import { createHttpHeaders } from "@azure/core-rest-pipeline";
import { ConnectionError, toConnectionError } from "../../net/connection-error.js";
import { exchange, type Answer } from "../../net/exchange.js";
import { parseRetryAfter } from "../../net/http-failure.js";
import type { Transport } from "../../net/transport.js";
import { describeAzureAdRefusal, describeVaultRefusal } from "./refusal-codes.js";

export type AzureParty = "azureAd" | "vault";

/** How the last request ended, which Azure's packages do not always tell. */
export interface LastAnswer {
  party: AzureParty;
  status?: number;
  /** What a refusal says of itself, in words of ours; absent where it says nothing. */
  reason?: string;
  retryAfterMs?: number;
  /** In place of a status: what broke the connection, or the wait for an answer. */
  failure?: ConnectionError;
}

type HttpClient = NonNullable<ClientSecretCredentialOptions["httpClient"]>;
type PipelineRequest = Parameters<HttpClient["sendRequest"]>[0];
type PipelineResponse = Awaited<ReturnType<HttpClient["sendRequest"]>>;

export interface AzureSessionOptions {
  transport: Transport;
  signal: AbortSignal;
  /** How long one request may wait for its answer. */
  attemptTimeoutMs: number;
}

/** What Azure's packages get for the body of a refusal: they would repeat it in their errors. */
const silentRefusal = "{}";

/**
 * One release's connections to Azure. Azure's packages read answers of any size, ignore signals while they ask for a
 * token, repeat what a refusal says, and try again and follow redirects unseen; so this is the HTTP client of all of
 * them: bounded by `exchange`, and each request leaves a note of how it ended.
 */
export class AzureSession {
  readonly #options: AzureSessionOptions;
  #last: LastAnswer | undefined;

  constructor(options: AzureSessionOptions) {
    this.#options = options;
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
    const httpClient: HttpClient = { sendRequest: (request) => this.#send(request, party) };
    return { httpClient, retryOptions: { maxRetries: 0 }, redirectOptions: { maxRetries: 0 } };
  }

  async #send(request: PipelineRequest, party: AzureParty): Promise<PipelineResponse> {
    const { transport, signal, attemptTimeoutMs: timeoutMs } = this.#options;
    const { method, url } = request;
    const body = textOf(request.body);
    const headers = request.headers.toJSON({ preserveCase: false });
    const question = { method, url, headers, ...(body === undefined ? {} : { body }) };
    try {
      const answer = await exchange(transport, question, { signal, timeoutMs });
      this.#last = noteOf(party, answer);
      return responseTo(request, answer);
    } catch (error) {
      this.#last = { party, failure: toConnectionError(error) };
      throw error;
    }
  }
}

function noteOf(party: AzureParty, { status, headers, text }: Answer): LastAnswer {
  const retryAfterMs = parseRetryAfter(headers["retry-after"]);
  const describe = party === "azureAd" ? describeAzureAdRefusal : describeVaultRefusal;
  const reason = isRefusal(status) ? describe(text) : "";
  return {
    party,
    status,
    ...(reason === "" ? {} : { reason }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

function responseTo(request: PipelineRequest, { status, headers, text }: Answer): PipelineResponse {
  const single = Object.entries(headers).flatMap(([name, value]): [string, string][] => {
    const first = Array.isArray(value) ? value[0] : value;
    return first === undefined ? [] : [[name, first]];
  });
  const bodyAsText = isRefusal(status) ? silentRefusal : text;
  return { request, status, headers: createHttpHeaders(Object.fromEntries(single)), bodyAsText };
}

function isRefusal(status: number): boolean {
  return status < 200 || status > 299;
}

/** The clients in use here send forms and JSON as text. */
function textOf(body: unknown): string | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body !== "string") throw new TypeError("expected a request's body as text");
  return body;
}
