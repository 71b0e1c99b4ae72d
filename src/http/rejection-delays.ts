import { ClientPeriods } from "../bounds/client-periods.js";
import { clientNetwork, providerNetwork } from "./client-network.js";

export interface RejectionDelaysOptions {
  /** The longest delay; 0: none. */
  maxDelayMs: number;
  /** A monotonic clock in milliseconds, replaced by tests. */
  now?: () => number;
}

/** A client network's rejections are forgotten after so long without one. */
const periodMs = 60_000;
/** Rejections that are answered at once: a client with a wrong key or a wrong file. */
const promptRejections = 10;
const firstDelayMs = 100;
/** Networks that are counted apart (client-periods.ts). */
const mostNetworks = 65_536;

/**
 * Says how long to delay the answers to encrypted uploads that do not decrypt to a picture. Whoever recovers a captured
 * `.encrypted` file sends many of them (docs/decisions/0035-one-key-one-use.md). From the eleventh on the delay doubles up to its
 * bound. It depends on the number of rejections alone, never on the reason of one.
 */
export class RejectionDelays {
  readonly #maxDelayMs: number;
  readonly #rejections: ClientPeriods<{ count: number }>;

  constructor({ maxDelayMs, now = () => performance.now() }: RejectionDelaysOptions) {
    this.#maxDelayMs = maxDelayMs;
    this.#rejections = new ClientPeriods({
      periodMs,
      maxClients: mostNetworks,
      groupOf: providerNetwork,
      create: () => ({ count: 0 }),
      now,
    });
  }

  /**
   * Counts a rejection.
   *
   * @param address of the client (client-address.ts)
   * @returns milliseconds by which its answer is delayed
   */
  next(address: string | undefined): number {
    if (this.#maxDelayMs === 0) return 0;
    const rejections = this.#rejections.extended(clientNetwork(address));
    rejections.count += 1;
    const delayed = rejections.count - promptRejections;
    return delayed <= 0 ? 0 : Math.min(this.#maxDelayMs, firstDelayMs * 2 ** (delayed - 1));
  }
}
