import { createHash } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";
import { RequestError } from "../errors.js";

export interface LegacyUploadsOptions {
  /** Distinct uploads that one address may send in a period; 0: any number. */
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

/** An address more ends the oldest period: memory has a bound, and new addresses are served. */
const mostAddresses = 1024;

/**
 * Bounds how many distinct `.encrypted` uploads an address may send. Recovering a captured file takes many altered
 * uploads; the bound makes that slow, it does not prevent it. The same upload again says nothing new and is free.
 */
export class LegacyUploads {
  readonly #options: Required<LegacyUploadsOptions>;
  /** The oldest first. */
  readonly #periods = new Map<string, Period>();

  constructor({ now = () => performance.now(), ...options }: LegacyUploadsOptions) {
    this.#options = { ...options, now };
  }

  /**
   * To be called before an upload is decrypted.
   *
   * @param address the client's IP address
   * @throws RequestError RATE_LIMITED with the time until the period ends
   */
  admit(address: string, upload: Uint8Array): void {
    const { maxDistinct, periodMs, now } = this.#options;
    if (maxDistinct === 0) return;
    const time = now();
    const { until, sent } = this.#period(networkOf(address), time, periodMs);
    const hash = createHash("sha256").update(upload).digest("base64").slice(0, 22);
    if (sent.has(hash)) return;
    if (sent.size >= maxDistinct) {
      throw new RequestError(
        "RATE_LIMITED",
        `expected at most ${maxDistinct} distinct .encrypted uploads in ${periodMs / 1000} s (Limits.MaxLegacyUploads); ` +
          ".jwe uploads have no such limit",
        { retryAfterSeconds: Math.ceil((until - time) / 1000) },
      );
    }
    sent.add(hash);
  }

  #period(network: string, time: number, periodMs: number): Period {
    const present = this.#periods.get(network);
    if (present !== undefined && time < present.until) return present;
    this.#periods.delete(network);
    const [oldest] = this.#periods.keys();
    if (oldest !== undefined && this.#periods.size >= mostAddresses) this.#periods.delete(oldest);
    const period = { until: time + periodMs, sent: new Set<string>() };
    this.#periods.set(network, period);
    return period;
  }
}

/** An IPv4 address, or the /64 network of an IPv6 one: a customer usually has a whole one (RFC 6177, section 2). */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(?<v4>[\d.]+)$/iu.exec(address)?.groups?.["v4"] ?? address;
  if (isIPv4(mapped) || !isIPv6(mapped)) return mapped;
  const [head = "", tail] = (mapped.split("%")[0] ?? "").toLowerCase().split("::");
  const groups = head.split(":").filter((group) => group !== "");
  const rest = tail === undefined ? [] : tail.split(":").filter((group) => group !== "");
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - rest.length) }, () => "0");
  const network = [...groups, ...zeros, ...rest].slice(0, 4);
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}
