import type { SecretEntry } from "../config/schema.js";
import type { ImageKeys } from "../keys/image-keys.js";
import type { AcceptOutcome } from "../keys/key-versions.js";
import { Deadline } from "../bounds/deadline.js";
import { timerMs } from "../bounds/timers.js";
import { releaseKey, type ReleaseOptions } from "./release-key.js";

export interface KeyRefresherOptions {
  /** The data owners' secrets. */
  secrets: readonly SecretEntry[];
  keys: ImageKeys;
  release: ReleaseOptions;
  /** Time from the end of one refresh to the start of the next; 0: no refreshes. */
  intervalMs: number;
  onRefreshed: (secret: SecretEntry, outcome: AcceptOutcome | "failed", version?: string) => void;
}

/**
 * Releases the data owners' keys again at an interval. Each secret has its own timer, so that a vault that does not
 * answer delays only its own secret. If a refresh fails, or its key belongs to another secret, the key before it stays
 * in use.
 */
export class KeyRefresher {
  readonly #options: KeyRefresherOptions;
  readonly #stopping = new AbortController();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #running = new Set<Promise<void>>();

  constructor(options: KeyRefresherOptions) {
    this.#options = options;
  }

  /** Schedules the first refresh of each secret; none if the interval is 0. */
  start(): void {
    const { secrets, intervalMs } = this.#options;
    if (intervalMs === 0) return;
    for (const secret of secrets) this.#schedule(secret);
  }

  /** Aborts running refreshes. Afterwards no key file is written. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the server is stopping"));
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await Promise.all(this.#running);
  }

  #schedule(secret: SecretEntry): void {
    if (this.#stopping.signal.aborted) return;
    const timer = setTimeout(() => {
      const running = this.#refresh(secret).finally(() => {
        this.#running.delete(running);
        this.#schedule(secret);
      });
      this.#running.add(running);
    }, timerMs(this.#options.intervalMs));
    this.#timers.set(secret.ID, timer);
  }

  async #refresh(secret: SecretEntry): Promise<void> {
    const { keys, release, onRefreshed } = this.#options;
    const deadline = new Deadline(release.deadlineMs, this.#stopping.signal);
    try {
      const released = await releaseKey(secret, deadline.signal, release);
      onRefreshed(secret, keys.accept(secret.ID, released), released.version);
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      keys.fail(secret.ID);
      release.onFailed(secret, error);
      onRefreshed(secret, "failed");
    } finally {
      deadline.end();
    }
  }
}
