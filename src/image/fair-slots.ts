/** What wants a place. */
export interface Claim {
  /** Clients get places in turn. */
  client: string;
  /** Memory that is taken while the place is. */
  bytes: number;
  /** Aborted while the claim waits, it leaves the line at once. */
  signal: AbortSignal;
}

export interface FairSlotsOptions {
  /** Claims that are within at one time. */
  maxPlaces: number;
  /** Of all that are within at one time; a claim for more gets in alone. */
  maxBytes: number;
}

interface Waiting {
  claim: Claim;
  enter: () => void;
  dismiss: (reason: Error) => void;
}

/**
 * Places, and memory, for work that waits for them. Among the clients that wait, each gets one place in turn, so
 * that a client with many claims does not hold up one with a single claim. Nothing overtakes the claim whose turn
 * it is: one that needs much memory gets it when those within have left.
 */
export class FairSlots {
  readonly #options: FairSlotsOptions;
  /** In the order of their turns; none without claims. */
  readonly #lines = new Map<string, Waiting[]>();
  #places = 0;
  #bytes = 0;

  constructor(options: FairSlotsOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return [...this.#lines.values()].reduce((sum, line) => sum + line.length, 0);
  }

  /** How many claims of each client wait. */
  get waitingByClient(): ReadonlyMap<string, number> {
    return new Map([...this.#lines].map(([client, line]) => [client, line.length]));
  }

  /** Runs the action when the claim has its place; it is given back when the action has ended. */
  async within<T>(claim: Claim, action: () => Promise<T>): Promise<T> {
    await this.#enter(claim);
    try {
      claim.signal.throwIfAborted();
      return await action();
    } finally {
      this.#places -= 1;
      this.#bytes -= claim.bytes;
      this.#admit();
    }
  }

  /**
   * Has a client's newest waiting claim fail.
   *
   * @returns whether there was one
   */
  dismiss(client: string, reason: Error): boolean {
    const newest = this.#lines.get(client)?.at(-1);
    newest?.dismiss(reason);
    return newest !== undefined;
  }

  async #enter(claim: Claim): Promise<void> {
    const { signal, client } = claim;
    signal.throwIfAborted();
    const hasEntered = await new Promise<boolean>((resolve, reject: (reason: Error) => void) => {
      const leave = (): void => {
        signal.removeEventListener("abort", onAbort);
        this.#remove(client, waiting);
        // It may have been what the others waited behind.
        this.#admit();
      };
      const onAbort = (): void => {
        leave();
        resolve(false);
      };
      const waiting: Waiting = {
        claim,
        enter: () => {
          signal.removeEventListener("abort", onAbort);
          resolve(true);
        },
        dismiss: (reason) => {
          leave();
          reject(reason);
        },
      };
      signal.addEventListener("abort", onAbort);
      const line = this.#lines.get(client);
      if (line === undefined) this.#lines.set(client, [waiting]);
      else line.push(waiting);
      this.#admit();
    });
    if (!hasEntered) signal.throwIfAborted();
  }

  #admit(): void {
    for (;;) {
      const [next] = this.#lines;
      const first = next?.[1][0];
      if (next === undefined || first === undefined || !this.#fits(first.claim)) return;
      const [client, line] = next;
      line.shift();
      // To the end of the turns.
      this.#lines.delete(client);
      if (line.length > 0) this.#lines.set(client, line);
      this.#places += 1;
      this.#bytes += first.claim.bytes;
      first.enter();
    }
  }

  #fits({ bytes }: Claim): boolean {
    const { maxPlaces, maxBytes } = this.#options;
    if (this.#places === 0) return true;
    return this.#places < maxPlaces && this.#bytes + bytes <= maxBytes;
  }

  #remove(client: string, waiting: Waiting): void {
    const line = this.#lines.get(client)?.filter((other) => other !== waiting) ?? [];
    if (line.length === 0) this.#lines.delete(client);
    else this.#lines.set(client, line);
  }
}
