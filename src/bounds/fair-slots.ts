import type { MemoryBudget } from "./memory-budget.js";

/** A request for a place and for memory. */
export interface Claim {
  /** Identifies the client. Clients get places in turn. */
  client: string;
  /** Bytes of memory that are reserved for as long as the place is held. */
  bytes: number;
  /** Removes the claim from the queue if it aborts while the claim waits. */
  signal: AbortSignal;
}

/** The limits of a `FairSlots`. */
export interface FairSlotsOptions {
  /** Most claims that hold a place at one time. */
  maxPlaces: number;
  /** The budget from which claims take memory; several `FairSlots` may share it. */
  memory: MemoryBudget;
}

interface Waiting {
  claim: Claim;
  enter: () => void;
  dismiss: (reason: Error) => void;
}

/**
 * Limits concurrent work by number of places and by memory, fairly among clients. The next place goes to the waiting
 * client that holds the fewest places; clients that hold equally many take turns. So a client that holds all places gets
 * no further one while another client waits. No claim is admitted before the one whose turn it is: a claim for much
 * memory blocks the others until enough memory has been released for it.
 */
export class FairSlots {
  readonly #options: FairSlotsOptions;
  /** Waiting claims by client, in the order of the clients' turns. Only clients that have claims are in it. */
  readonly #queues = new Map<string, Waiting[]>();
  /** Number of places by client. Only clients that hold one are in it. */
  readonly #held = new Map<string, number>();
  #places = 0;

  constructor(options: FairSlotsOptions) {
    this.#options = options;
    options.memory.onRelease(() => {
      this.#admit();
    });
  }

  /** Number of waiting claims. */
  get waiting(): number {
    return [...this.#queues.values()].reduce((sum, queue) => sum + queue.length, 0);
  }

  /** Number of waiting claims by client. */
  get waitingByClient(): ReadonlyMap<string, number> {
    return new Map([...this.#queues].map(([client, queue]) => [client, queue.length]));
  }

  /**
   * Waits for a place, runs the action and releases the place when the action has settled.
   *
   * @returns the action's result
   * @throws the signal's reason if it aborts before the action starts; the reason passed to `dismiss`; what the action
   *   throws
   */
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
   * Rejects a client's newest waiting claim.
   *
   * @param reason what `within` then throws
   * @returns false if the client has no waiting claim
   */
  dismiss(client: string, reason: Error): boolean {
    const newest = this.#queues.get(client)?.at(-1);
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
        // Claims behind this one may fit now.
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
      const queue = this.#queues.get(client);
      if (queue === undefined) this.#queues.set(client, [waiting]);
      else queue.push(waiting);
      this.#admit();
    });
    if (!hasEntered) signal.throwIfAborted();
  }

  #admit(): void {
    for (;;) {
      const [first, ...others] = this.#queues.keys();
      if (first === undefined) return;
      const client = others.reduce((a, b) => (this.#heldBy(b) < this.#heldBy(a) ? b : a), first);
      const queue = this.#queues.get(client) ?? [];
      const [next] = queue;
      if (next === undefined || !this.#fits(next.claim)) return;
      queue.shift();
      // The client moves to the end of the order of turns.
      this.#queues.delete(client);
      if (queue.length > 0) this.#queues.set(client, queue);
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
    const queue = this.#queues.get(client)?.filter((other) => other !== waiting) ?? [];
    if (queue.length === 0) this.#queues.delete(client);
    else this.#queues.set(client, queue);
  }
}
