/** Things in the order in which they came, a line for each address. */
export class AddressLines<Item extends { address: string }> {
  readonly #lines = new Map<string, Set<Item>>();

  /** At the end of its address' line. */
  add(item: Item): void {
    const line = this.#lines.get(item.address) ?? new Set();
    line.delete(item);
    line.add(item);
    this.#lines.set(item.address, line);
  }

  delete(item: Item): void {
    const line = this.#lines.get(item.address);
    line?.delete(item);
    if (line?.size === 0) this.#lines.delete(item.address);
  }

  /** @returns what came first of an address; without one, of the address with the longest line */
  first(address?: string): Item | undefined {
    if (address !== undefined) return this.#lines.get(address)?.values().next().value;
    let longest: Set<Item> | undefined;
    for (const line of this.#lines.values()) {
      if (line.size > (longest?.size ?? 0)) longest = line;
    }
    return longest?.values().next().value;
  }
}
