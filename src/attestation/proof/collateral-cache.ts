import { describeCause } from "../../errors.js";
import type { ClientEvidence } from "./client-evidence.js";
import type { Collateral, DatedCollateral } from "./collateral.js";

export interface CollateralCacheOptions {
  /** Fetches the collateral; undefined: the configuration names no source. */
  fetch: ((evidence: ClientEvidence) => Promise<DatedCollateral>) | undefined;
  /** Called with the reason when a fetch fails. */
  onFailure: (reason: string) => void;
  /** The clock by which collateral expires, in milliseconds since 1970; replaced by tests. */
  now?: () => number;
}

/** Collateral is fetched again after a day: what Intel publishes about new attacks is worth more than 30 days of quiet. */
const freshMs = 86_400_000;
/** The shortest time between two attempts, which may fail or bring what is expired by the host's clock. */
const pauseMs = 60_000;

/** Keeps the collateral of this machine's quotes. */
export class CollateralCache {
  readonly #options: CollateralCacheOptions;
  readonly #now: () => number;
  #kept: { dated: DatedCollateral; fetchedAt: number } | undefined;
  #attemptedAt = -Infinity;
  #pending: Promise<void> | undefined;

  constructor(options: CollateralCacheOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /**
   * The collateral of a quote. It never rejects; a fetch that fails leaves what is kept until it expires.
   *
   * @returns undefined where there is none
   */
  async collateralFor(evidence: ClientEvidence): Promise<Collateral | undefined> {
    const { fetch } = this.#options;
    if (fetch === undefined) return undefined;
    if (!this.#isFresh() && !this.#isPausing()) {
      this.#pending ??= this.#fetch(fetch, evidence).finally(() => {
        this.#pending = undefined;
      });
    }
    await this.#pending;
    const dated = this.#kept?.dated;
    const isCurrent = dated !== undefined && this.#now() < dated.nextUpdate.getTime();
    return isCurrent ? dated.collateral : undefined;
  }

  async #fetch(
    fetch: NonNullable<CollateralCacheOptions["fetch"]>,
    evidence: ClientEvidence,
  ): Promise<void> {
    this.#attemptedAt = this.#now();
    try {
      this.#kept = { dated: await fetch(evidence), fetchedAt: this.#now() };
    } catch (error) {
      this.#options.onFailure(describeCause(error));
    }
  }

  #isFresh(): boolean {
    if (this.#kept === undefined) return false;
    const { dated, fetchedAt } = this.#kept;
    return this.#now() < Math.min(dated.nextUpdate.getTime(), fetchedAt + freshMs);
  }

  #isPausing(): boolean {
    const since = this.#now() - this.#attemptedAt;
    return since >= 0 && since < pauseMs;
  }
}
