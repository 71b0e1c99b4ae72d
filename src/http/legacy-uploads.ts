import { createHash } from "node:crypto";
import { RequestError } from "./request-error.js";
import { clientNetwork } from "./client-network.js";

export interface LegacyUploadsOptions {
  /** Distinct uploads that one client network may send in a period; 0: no limit. */
  maxDistinct: number;
  periodMs: number;
  /** A monotonic clock in milliseconds, replaced by tests. */
  now?: () => number;
}

interface Period {
  until: number;
  /** Hashes of the uploads in this period. */
  sent: Set<string>;
}

/** Networks beyond this number share one period and its limit, so that many addresses do not give as many limits. */
const mostNetworks = 1024;
const sharedNetwork = "(others)";
/** Most hashes of all networks together, which take about 40 MB. */
const mostHashes = 262_144;

/**
 * Limits the number of distinct `.encrypted` uploads of a client network. Recovering a captured file takes many altered
 * uploads (docs/decisions/0035-one-key-one-use.md): the limit slows that down and does not prevent it. A repeated upload is not
 * counted, because its answer is the same except for `top`.
 */
export class LegacyUploads {
  readonly #options: Required<LegacyUploadsOptions>;
  /** Current periods by client network, the oldest first. */
  readonly #periods = new Map<string, Period>();
  #hashes = 0;

  constructor({ now = () => performance.now(), ...options }: LegacyUploadsOptions) {
    this.#options = { ...options, now };
  }

  /**
   * Counts an upload. Call it before the upload is decrypted.
   *
   * @param address `remoteAddress` of the client's socket
   * @param upload the uploaded file
   * @throws RequestError RATE_LIMITED, with the seconds until the period ends
   */
  admit(address: string | undefined, upload: Uint8Array): void {
    const { maxDistinct, periodMs, now } = this.#options;
    if (maxDistinct === 0) return;
    const time = now();
    this.#expire(time);
    const { until, sent } = this.#period(clientNetwork(address, 48), time + periodMs);
    const hash = createHash("sha256").update(upload).digest("base64").slice(0, 22);
    if (sent.has(hash)) return;
    if (sent.size >= maxDistinct || this.#hashes >= mostHashes) {
      throw new RequestError(
        "RATE_LIMITED",
        `expected at most ${maxDistinct} distinct .encrypted uploads in ${periodMs / 1000} s (Limits.MaxLegacyUploads); ` +
          ".jwe uploads have no such limit",
        { retryAfterSeconds: Math.ceil((until - time) / 1000) },
      );
    }
    sent.add(hash);
    this.#hashes += 1;
  }

  #expire(time: number): void {
    for (const [network, { until, sent }] of this.#periods) {
      if (time < until) return;
      this.#periods.delete(network);
      this.#hashes -= sent.size;
    }
  }

  #period(network: string, until: number): Period {
    const isFull = this.#periods.size >= mostNetworks;
    const name = this.#periods.has(network) || !isFull ? network : sharedNetwork;
    const present = this.#periods.get(name);
    if (present !== undefined) return present;
    const period = { until, sent: new Set<string>() };
    this.#periods.set(name, period);
    return period;
  }
}
