import { createHash } from "node:crypto";
import { RequestError } from "./request-error.js";
import { ClientPeriods } from "../bounds/client-periods.js";
import { clientNetwork, providerNetwork } from "./client-network.js";

export interface LegacyUploadsOptions {
  /** Distinct uploads that one client network may send in a period; 0: no limit. */
  maxDistinct: number;
  periodMs: number;
  /** A monotonic clock in milliseconds, replaced by tests. */
  now?: () => number;
}

/** Networks that are counted apart (client-periods.ts). */
const mostNetworks = 1024;
/** Hashes of all networks together, which take about 40 MB. */
const mostHashes = 262_144;

/**
 * Limits the number of distinct `.encrypted` uploads of a client network. Recovering a captured file takes many altered
 * uploads (docs/decisions/0035-one-key-one-use.md): the limit slows that down and does not prevent it. A repeated upload is not
 * counted, because its answer is the same except for `top`.
 */
export class LegacyUploads {
  readonly #options: LegacyUploadsOptions;
  readonly #now: () => number;
  /** The hashes of each network's uploads. */
  readonly #periods: ClientPeriods<Set<string>>;
  #hashes = 0;

  constructor({ now = () => performance.now(), ...options }: LegacyUploadsOptions) {
    this.#options = options;
    this.#now = now;
    this.#periods = new ClientPeriods({
      periodMs: options.periodMs,
      maxClients: mostNetworks,
      groupOf: providerNetwork,
      create: () => new Set(),
      onEnd: ({ size }) => {
        this.#hashes -= size;
      },
      now,
    });
  }

  /**
   * Counts an upload. Call it before the upload is decrypted.
   *
   * @param address of the client (client-address.ts)
   * @throws RequestError RATE_LIMITED, with the seconds until the period ends
   */
  admit(address: string | undefined, upload: Uint8Array): void {
    const { maxDistinct, periodMs } = this.#options;
    if (maxDistinct === 0) return;
    const { until, state: sent } = this.#periods.current(clientNetwork(address, 48));
    const hash = createHash("sha256").update(upload).digest("base64").slice(0, 22);
    if (sent.has(hash)) return;
    if (sent.size >= maxDistinct || this.#hashes >= mostHashes) {
      throw new RequestError(
        "RATE_LIMITED",
        `expected at most ${maxDistinct} distinct .encrypted uploads in ${periodMs / 1000} s (Limits.MaxLegacyUploads); ` +
          ".jwe uploads have no such limit",
        { retryAfterSeconds: Math.ceil((until - this.#now()) / 1000) },
      );
    }
    sent.add(hash);
    this.#hashes += 1;
  }
}
