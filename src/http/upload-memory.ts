import { RequestError } from "./request-error.js";

export interface UploadMemoryLimits {
  /** Bytes of all uploads in memory at one time. */
  maxBytesInFlight: number;
  /** Bytes of the uploads from one client network (client-network.ts). */
  maxBytesPerAddress: number;
}

/** An upload that takes memory. */
export interface MemoryHolder {
  /** The client's network (client-network.ts). */
  address: string;
  /** The current arrival rate; undefined once the upload is complete. */
  bytesPerSecond: () => number | undefined;
  /** Called when a faster upload takes this one's memory. The memory is released before the call. */
  onRefused: (error: RequestError) => void;
}

/** The memory of one upload. */
export interface MemoryClaim {
  /**
   * Takes more memory. At a limit, uploads that arrive more slowly than this one are refused, the slowest first, until
   * there is enough; if they do not hold enough together, only this upload is refused. So a client that sends slowly on
   * purpose cannot keep memory from faster clients.
   *
   * @throws RequestError OVERLOADED if this upload is refused
   */
  grow(bytes: number): void;
  /** Corrects the claim to the bytes that are really used, at most those taken before. */
  shrinkTo(bytes: number): void;
  /** Releases all memory of the upload. A second call does nothing. */
  release(): void;
}

/**
 * Counts the memory of all uploads as it is allocated: a `Content-Length` alone reserves nothing. A single upload may be
 * larger than either limit.
 */
export class UploadMemory {
  readonly #limits: UploadMemoryLimits;
  readonly #held = new Map<MemoryHolder, number>();
  readonly #heldByAddress = new Map<string, number>();
  #total = 0;

  constructor(limits: UploadMemoryLimits) {
    this.#limits = limits;
  }

  /** Bytes of all uploads together. */
  get heldBytes(): number {
    return this.#total;
  }

  /** Registers an upload, which has no memory yet. */
  open(holder: MemoryHolder): MemoryClaim {
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

  #makeRoom(holder: MemoryHolder, bytes: number): void {
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
    // Both limits are checked before any other upload is refused.
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
   * @param excessBytes bytes over the limit
   * @param shares whether an upload counts towards the limit
   * @returns the slowest uploads that together hold `excessBytes`; undefined if all uploads slower than `holder` hold
   *   less
   */
  #slowerThan(
    holder: MemoryHolder,
    excessBytes: number,
    shares: (other: MemoryHolder) => boolean,
  ): MemoryHolder[] | undefined {
    const others = [...(excessBytes > 0 ? this.#held : [])].filter(
      ([other, bytes]) => other !== holder && bytes > 0 && shares(other),
    );
    // A single upload may be larger than either limit.
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

  #add(holder: MemoryHolder, bytes: number): void {
    const held = this.#held.get(holder);
    if (held === undefined) return;
    this.#held.set(holder, held + bytes);
    this.#total += bytes;
    const ofAddress = (this.#heldByAddress.get(holder.address) ?? 0) + bytes;
    if (ofAddress === 0) this.#heldByAddress.delete(holder.address);
    else this.#heldByAddress.set(holder.address, ofAddress);
  }

  #release(holder: MemoryHolder): void {
    this.#add(holder, -(this.#held.get(holder) ?? 0));
    this.#held.delete(holder);
  }
}

function overloaded(): RequestError {
  return new RequestError("OVERLOADED", "too many uploads at one time; try again soon");
}
