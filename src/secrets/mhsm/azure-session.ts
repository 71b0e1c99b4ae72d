import { AsyncLocalStorage } from "node:async_hooks";
import type { ClientSecretCredentialOptions } from "@azure/identity";
import { createHttpHeaders } from "@azure/core-rest-pipeline";
import { ConnectionError, toConnectionError } from "../../net/connection-error.js";
import { exchange, type Answer } from "../../net/exchange.js";
import { parseRetryAfter } from "../../net/http-failure.js";
import type { Transport } from "../../net/transport.js";
import { describeAzureAdRefusal, describeVaultRefusal } from "./refusal-codes.js";

export type AzureParty = "azureAd" | "vault";

/** How the last request of an operation ended. */
export interface LastAnswer {
  party: AzureParty;
  status?: number;
  /** The description of a refusal by describeAzureAdRefusal or describeVaultRefusal; absent: the body has no error code. */
  reason?: string;
  retryAfterMs?: number;
  /** Present instead of a status if no usable answer came. */
  failure?: ConnectionError;
}

/** An operation with Azure's packages failed. `cause` is what the package threw. */
export class AzureError extends Error {
  /** How the operation's last request ended; undefined: it made no request. */
  readonly last: LastAnswer | undefined;

  constructor(cause: unknown, last: LastAnswer | undefined) {
    super("an operation with Azure's packages failed", { cause });
    this.name = "AzureError";
    this.last = last;
  }
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

/** The body of a refusal as Azure's packages get it: they would repeat the real one in their errors. */
const emptyRefusal = "{}";

/**
 * The HTTP client for Azure's packages. By themselves these read answers of any size, ignore signals while they request
 * a token, repeat a refusal's text in their errors, retry, and follow redirects. Here `exchange` bounds each request,
 * and `run` throws an error that says how the last request ended.
 */
export class AzureSession {
  readonly #options: AzureSessionOptions;
  /** One object for each `run`, so that runs at the same time do not mix. */
  readonly #runs = new AsyncLocalStorage<{ last?: LastAnswer }>();

  constructor(options: AzureSessionOptions) {
    this.#options = options;
  }

  /**
   * Runs one operation of Azure's clients that were made with `clientOptions`.
   *
   * @throws AzureError with what the operation threw, and how its last request ended
   */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    const run: { last?: LastAnswer } = {};
    try {
      return await this.#runs.run(run, operation);
    } catch (cause) {
      throw new AzureError(cause, run.last);
    }
  }

  /** The options that each of Azure's clients is made with. Their requests fail outside of `run`. */
  clientOptions(party: AzureParty) {
    const httpClient: HttpClient = { sendRequest: (request) => this.#send(request, party) };
    return { httpClient, retryOptions: { maxRetries: 0 }, redirectOptions: { maxRetries: 0 } };
  }

  async #send(request: PipelineRequest, party: AzureParty): Promise<PipelineResponse> {
    const run = this.#runs.getStore();
    if (run === undefined) throw new Error("a request to Azure outside of AzureSession.run");
    const { transport, signal, attemptTimeoutMs: timeoutMs } = this.#options;
    const { method, url } = request;
    const body = textOf(request.body);
    const headers = request.headers.toJSON({ preserveCase: false });
    const question = { method, url, headers, ...(body === undefined ? {} : { body }) };
    try {
      const answer = await exchange(transport, question, { signal, timeoutMs });
      run.last = summarize(party, answer);
      return responseTo(request, answer);
    } catch (error) {
      run.last = { party, failure: toConnectionError(error) };
      throw error;
    }
  }
}

function summarize(party: AzureParty, { status, headers, text }: Answer): LastAnswer {
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
  const bodyAsText = isRefusal(status) ? emptyRefusal : text;
  return { request, status, headers: createHttpHeaders(Object.fromEntries(single)), bodyAsText };
}

function isRefusal(status: number): boolean {
  return status < 200 || status > 299;
}

/** @throws TypeError unless the body is text: the clients in use here send forms and JSON only */
function textOf(body: unknown): string | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body !== "string") throw new TypeError("expected a request's body as text");
  return body;
}
