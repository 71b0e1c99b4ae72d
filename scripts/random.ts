const uint32Range = 0x1_0000_0000;
const fnvOffsetBasis = 0x811c_9dc5;
const fnvPrime = 0x0100_0193;

/** A list with at least one item, so that picking from it cannot fail. */
export type NonEmpty<Item> = readonly [Item, ...Item[]];

function hash(text: string): number {
  let value = fnvOffsetBasis;
  for (const character of text) {
    value = Math.imul(value ^ (character.codePointAt(0) ?? 0), fnvPrime);
  }
  return value >>> 0;
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** A seeded random number generator (xoshiro128**, Blackman and Vigna): the same key gives the same numbers everywhere. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** The key may be any text; different keys give independent sequences. */
  constructor(key: string) {
    this.#a = hash(`a:${key}`);
    this.#b = hash(`b:${key}`);
    this.#c = hash(`c:${key}`);
    // Not all zeros, a state that the generator would never leave.
    this.#d = hash(`d:${key}`) | 1;
    // Similar keys have similar states, so that the first numbers would be similar as well.
    for (let warmUp = 0; warmUp < 16; warmUp += 1) this.next();
  }

  /** A number in [0, 1). */
  next(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return result / uint32Range;
  }

  /** A number in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** A whole number from low to high, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of the items, each equally likely. */
  pick<Item>(items: NonEmpty<Item>): Item {
    return items[Math.floor(this.next() * items.length)] ?? items[0];
  }

  /** Joins `count` results of `make`, in order. */
  repeat(count: number, make: (index: number) => string): string {
    return Array.from({ length: count }, (_, index) => make(index)).join("");
  }
}
