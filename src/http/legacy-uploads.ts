import { createHash } from "node:crypto";
import { RequestError } from "../errors.js";
import { clientNetwork } from "./client-network.js";

export interface LegacyUploadsOptions {
  /** Distinct uploads that one network may send in a period; 0: any number. */
  maxDistinct: number;
  periodMs: number;
  /** A clock that never goes back, in milliseconds. */
  now?: () => number;
}

interface Period {
  until: number;
  /** Hashes of what was sent. */
  sent: Set<string>;
}

/** Networks beyond these share one period, so that an attacker with many addresses does not get many bounds. */
const mostNetworks = 1024;
const sharedNetwork = "(others)";
/** Of all networks together: memory has a bound, of about 40 MB. */
const mostHashes = 262_144;

/**
 * Bounds how many distinct `.encrypted` uploads a client may send. Recovering a captured file takes many altered
 * uploads; the bound makes that slow, it does not prevent it. The same upload again is not counted, as its answer is the
 * same but for `top`.
 */
export class LegacyUploads {
  readonly #options: Required<LegacyUploadsOptions>;
  /** The oldest first. */
  readonly #periods = new Map<string, Period>();
  #hashes = 0;

  constructor({ now = () => performance.now(), ...options }: LegacyUploadsOptions) {
    this.#options = { ...options, now };
  }

  /**
   * To be called before an upload is decrypted.
   *
   * @param address the client's, as its socket gives it
   * @throws RequestError RATE_LIMITED with the time until the period ends
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
