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
  memory: SharedMemory;
}

/** Memory that several `FairSlots` give out. A claim for more than there is gets in when none is taken. */
export class SharedMemory {
  readonly #maxBytes: number;
  readonly #admitters: (() => void)[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @param admit called whenever memory is given back, in the order of these calls */
  onRelease(admit: () => void): void {
    this.#admitters.push(admit);
  }

  has(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#maxBytes;
  }

  take(bytes: number): void {
    this.#bytes += bytes;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
    for (const admit of this.#admitters) admit();
  }
}

interface Waiting {
  claim: Claim;
  enter: () => void;
  dismiss: (reason: Error) => void;
}

/**
 * Places, and memory, for work that waits for them. Among the clients that wait, the next place is that of the one
 * which holds fewest; of several, clients get one in turn. So a client that came first and holds all places gets none
 * that becomes free while another waits. Nothing overtakes the claim whose turn it is: one that needs much memory gets
 * it when those within have left.
 */
export class FairSlots {
  readonly #options: FairSlotsOptions;
  /** In the order of their turns; none without claims. */
  readonly #lines = new Map<string, Waiting[]>();
  /** Places that each client holds; none that holds none. */
  readonly #held = new Map<string, number>();
  #places = 0;

  constructor(options: FairSlotsOptions) {
    this.#options = options;
    options.memory.onRelease(() => {
      this.#admit();
    });
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
      this.#hold(claim.client, -1);
      this.#options.memory.release(claim.bytes);
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
      const [first, ...others] = this.#lines.keys();
      if (first === undefined) return;
      const client = others.reduce((a, b) => (this.#heldBy(b) < this.#heldBy(a) ? b : a), first);
      const line = this.#lines.get(client) ?? [];
      const [next] = line;
      if (next === undefined || !this.#fits(next.claim)) return;
      line.shift();
      // To the end of the turns.
      this.#lines.delete(client);
      if (line.length > 0) this.#lines.set(client, line);
      this.#places += 1;
      this.#hold(client, 1);
      this.#options.memory.take(next.claim.bytes);
      next.enter();
    }
  }

  #fits({ bytes }: Claim): boolean {
    const { maxPlaces, memory } = this.#options;
    return this.#places < maxPlaces && memory.has(bytes);
  }

  #heldBy(client: string): number {
    return this.#held.get(client) ?? 0;
  }

  #hold(client: string, change: 1 | -1): void {
    const places = this.#heldBy(client) + change;
    if (places === 0) this.#held.delete(client);
    else this.#held.set(client, places);
  }

  #remove(client: string, waiting: Waiting): void {
    const line = this.#lines.get(client)?.filter((other) => other !== waiting) ?? [];
    if (line.length === 0) this.#lines.delete(client);
    else this.#lines.set(client, line);
  }
}
