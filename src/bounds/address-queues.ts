/** Keeps items in one queue per network address, in the order of insertion. */
export class AddressQueues<Item extends { address: string }> {
  readonly #queues = new Map<string, Set<Item>>();

  /** Appends an item to its address' queue; an item that is already in it moves to the end. */
  add(item: Item): void {
    const queue = this.#queues.get(item.address) ?? new Set();
    queue.delete(item);
    queue.add(item);
    this.#queues.set(item.address, queue);
  }

  /** Removes an item from its address' queue, if it is in it. */
  delete(item: Item): void {
    const queue = this.#queues.get(item.address);
    queue?.delete(item);
    if (queue?.size === 0) this.#queues.delete(item.address);
  }

  /**
   * Finds the oldest item of a queue, without removing it.
   *
   * @param address whose queue; without it, the longest queue
   * @returns undefined if the queue is empty
   */
  first(address?: string): Item | undefined {
    if (address !== undefined) return this.#queues.get(address)?.values().next().value;
    let longest: Set<Item> | undefined;
    for (const queue of this.#queues.values()) {
      if (queue.size > (longest?.size ?? 0)) longest = queue;
    }
    return longest?.values().next().value;
  }
}
