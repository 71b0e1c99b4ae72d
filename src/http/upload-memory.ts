import { RequestError } from "../errors.js";

export interface UploadMemoryLimits {
  /** Of all uploads in memory at one time. */
  maxBytesInFlight: number;
  /** Of those of one address (see client-network.ts). */
  maxBytesPerAddress: number;
}

/** An upload while it takes memory. */
export interface Holder {
  address: string;
  /** How fast its bytes have been arriving lately; undefined once it is whole. */
  bytesPerSecond: () => number | undefined;
  /** Called where it has to give its memory to a faster upload; it is released already. */
  onRefused: (error: RequestError) => void;
}

/** What one upload has of the memory. */
export interface Holding {
  /**
   * Takes more. Where there is no more, uploads that arrive more slowly than this one are refused, the slowest first,
   * until there is; where that would not do, this one is. So whoever sends slowly on purpose cannot hold the memory
   * against those who do not.
   *
   * @throws RequestError OVERLOADED where it is this one
   */
  grow(bytes: number): void;
  /** Says how much it really has, which is no more than it took. */
  shrinkTo(bytes: number): void;
  /** The bytes are gone. A second call does nothing. */
  release(): void;
}

/**
 * The memory for uploads, counted as it is taken: what a request only announces costs nothing. One upload alone
 * may be larger than either limit.
 */
export class UploadMemory {
  readonly #limits: UploadMemoryLimits;
  readonly #held = new Map<Holder, number>();
  readonly #heldByAddress = new Map<string, number>();
  #total = 0;

  constructor(limits: UploadMemoryLimits) {
    this.#limits = limits;
  }

  get heldBytes(): number {
    return this.#total;
  }

  open(holder: Holder): Holding {
    this.#held.set(holder, 0);
    return {
      grow: (bytes) => {
        this.#makeRoom(holder, bytes);
        this.#add(holder, bytes);
      },
      shrinkTo: (bytes) => {
        this.#add(holder, bytes - (this.#held.get(holder) ?? bytes));
      },
      release: () => {
        this.#release(holder);
      },
    };
  }

  #makeRoom(holder: Holder, bytes: number): void {
    const { maxBytesInFlight, maxBytesPerAddress } = this.#limits;
    const { address } = holder;
    const ofAddress = this.#heldByAddress.get(address) ?? 0;
    const neighbours = this.#slowerThan(
      holder,
      ofAddress + bytes - maxBytesPerAddress,
      (other) => other.address === address,
    );
    const freed = (neighbours ?? []).reduce((sum, other) => sum + (this.#held.get(other) ?? 0), 0);
    const others = this.#slowerThan(
      holder,
      this.#total - freed + bytes - maxBytesInFlight,
      (other) => neighbours?.includes(other) !== true,
    );
    // Nobody is refused for an upload that is refused all the same.
    if (neighbours === undefined || others === undefined) {
      this.#release(holder);
      throw overloaded();
    }
    for (const other of [...neighbours, ...others]) {
      this.#release(other);
      other.onRefused(overloaded());
    }
  }

  /**
   * @param excessBytes what has to be given up by those that share a limit
   * @returns the slowest ones that have so much, or undefined where all that are slower than `holder` have less
   */
  #slowerThan(
    holder: Holder,
    excessBytes: number,
    shares: (other: Holder) => boolean,
  ): Holder[] | undefined {
    const others = [...(excessBytes > 0 ? this.#held : [])].filter(
      ([other, bytes]) => other !== holder && bytes > 0 && shares(other),
    );
    // One upload alone may be larger than either limit.
    if (others.length === 0) return [];
    const ownRate = holder.bytesPerSecond() ?? Infinity;
    const slower = others
      .map(([other, bytes]) => ({ other, bytes, rate: other.bytesPerSecond() ?? Infinity }))
      .filter(({ rate }) => rate < ownRate)
      .sort((one, another) => one.rate - another.rate);
    let missingBytes = excessBytes;
    const found = slower.filter(({ bytes }) => {
      const isNeeded = missingBytes > 0;
      if (isNeeded) missingBytes -= bytes;
      return isNeeded;
    });
    return missingBytes > 0 ? undefined : found.map(({ other }) => other);
  }

  #add(holder: Holder, bytes: number): void {
    const held = this.#held.get(holder);
    if (held === undefined) return;
    this.#held.set(holder, held + bytes);
    this.#total += bytes;
    const ofAddress = (this.#heldByAddress.get(holder.address) ?? 0) + bytes;
    if (ofAddress === 0) this.#heldByAddress.delete(holder.address);
    else this.#heldByAddress.set(holder.address, ofAddress);
  }

  #release(holder: Holder): void {
    this.#add(holder, -(this.#held.get(holder) ?? 0));
    this.#held.delete(holder);
  }
}

function overloaded(): RequestError {
  return new RequestError("OVERLOADED", "too many uploads at one time; try again soon", {
    retryAfterSeconds: 1,
  });
}
