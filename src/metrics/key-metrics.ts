import { Counter, Gauge, type Registry } from "prom-client";
import type { ImageKeys } from "../keys/image-keys.js";
import type { AcceptOutcome } from "../keys/key-versions.js";

/** How fetching a key again ended. */
type RefreshOutcome = AcceptOutcome | "failed";

/** The secrets that the configuration names, by ID. */
export interface NamedSecrets {
  all: readonly string[];
  /** Those that are fetched again while the server runs. */
  refreshed: readonly string[];
}

const outcomes: Readonly<Record<RefreshOutcome, true>> = {
  first: true,
  unchanged: true,
  rotated: true,
  failed: true,
};
const states = ["current", "stale", "missing"] as const;

/** Metrics of the owners' keys. The label `secret` is an ID of the configuration. */
export class KeyMetrics {
  readonly #registry: Registry;
  readonly #refreshes: Counter<"secret" | "outcome">;
  readonly #retries: Counter<"secret">;

  constructor(registry: Registry) {
    this.#registry = registry;
    const registers = [registry];
    this.#refreshes = new Counter({
      name: "confml_key_refreshes_total",
      help: "Keys fetched again while serving: first, unchanged, rotated or failed.",
      labelNames: ["secret", "outcome"],
      registers,
    });
    this.#retries = new Counter({
      name: "confml_release_retries_total",
      help: "Attempts to get a key that failed and were made again.",
      labelNames: ["secret"],
      registers,
    });
  }

  /** Makes the series of these secrets appear, with 0. */
  declare({ all, refreshed }: NamedSecrets): void {
    for (const secret of all) this.#retries.inc({ secret }, 0);
    for (const secret of refreshed) {
      for (const outcome of Object.keys(outcomes)) this.#refreshes.inc({ secret, outcome }, 0);
    }
  }

  countRefresh(secret: string, outcome: RefreshOutcome): void {
    this.#refreshes.inc({ secret, outcome });
  }

  countRetry(secret: string): void {
    this.#retries.inc({ secret });
  }

  /** Registers the state of the data owners' keys, which is read at each scrape; to be called once. */
  watch(keys: ImageKeys): void {
    const key = new Gauge({
      name: "confml_image_key",
      help: "1 for the state that a data owner's key is in: current, stale (fetching it again failed), missing.",
      labelNames: ["secret", "state"],
      registers: [this.#registry],
      collect: () => {
        for (const { id, state: present } of keys.statuses()) {
          for (const state of states) {
            key.set({ secret: id, state }, state === present ? 1 : 0);
          }
        }
      },
    });
  }
}
