import type { RequestHandler } from "express";
import { ClientPeriods } from "../bounds/client-periods.js";
import { clientAddress } from "./client-address.js";
import { clientNetwork, providerNetwork } from "./client-network.js";
import { RequestError } from "./request-error.js";

export interface RequestRateOptions {
  /** Requests of one client network in a minute; 0: any number. */
  maxPerMinute: number;
  /** A monotonic clock in milliseconds, replaced by tests. */
  now?: () => number;
}

const periodMs = 60_000;
/** Networks that are counted apart: about 10 MB. */
const mostNetworks = 65_536;

/** Limits the requests of a client network in each minute, which begins with its first request. */
export class RequestRate {
  readonly #maxPerMinute: number;
  readonly #now: () => number;
  readonly #periods: ClientPeriods<{ count: number }>;

  constructor({ maxPerMinute, now = () => performance.now() }: RequestRateOptions) {
    this.#maxPerMinute = maxPerMinute;
    this.#now = now;
    this.#periods = new ClientPeriods({
      periodMs,
      maxClients: mostNetworks,
      groupOf: providerNetwork,
      create: () => ({ count: 0 }),
      now,
    });
  }

  /**
   * Counts a request.
   *
   * @param address of the client (client-address.ts)
   * @throws RequestError RATE_LIMITED, with the seconds until the minute ends
   */
  admit(address: string | undefined): void {
    if (this.#maxPerMinute === 0) return;
    const { until, state } = this.#periods.current(clientNetwork(address));
    if (state.count >= this.#maxPerMinute) {
      throw new RequestError(
        "RATE_LIMITED",
        `expected at most ${this.#maxPerMinute} requests a minute (Limits.RequestsPerMinute)`,
        { retryAfterSeconds: Math.ceil((until - this.#now()) / 1000) },
      );
    }
    state.count += 1;
  }
}

/** Applies the limit to all requests but health checks, whose refusal would restart the server. */
export function limitRate(rate: RequestRate): RequestHandler {
  return (request, _response, next) => {
    if (!request.path.startsWith("/v2/health/")) rate.admit(clientAddress(request));
    next();
  };
}
