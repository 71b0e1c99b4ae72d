import { loadKoffi } from "./koffi.js";

/** Memory outside of the JavaScript heap. Its address does not change. */
export class NativeMemory {
  readonly address: bigint;
  /** The memory's bytes, initially zeros. */
  readonly bytes: DataView;
  readonly #free: () => void;

  private constructor(address: bigint, bytes: DataView, free: () => void) {
    this.address = address;
    this.bytes = bytes;
    this.#free = free;
  }

  /** Allocates zeroed memory. @param length in bytes */
  static async allocate(length: number): Promise<NativeMemory> {
    const koffi = await loadKoffi();
    const address = koffi.address(koffi.alloc("uint8_t", length));
    const bytes = new Uint8Array(koffi.view(address, length)).fill(0);
    return new NativeMemory(address, new DataView(bytes.buffer), () => {
      koffi.free(address);
    });
  }

  /** Reads a C pointer or size_t: 64 bits, little-endian on x86-64 and arm64. */
  readWord(offset: number): bigint {
    return this.bytes.getBigUint64(offset, true);
  }

  /** Frees the memory. Neither `address` nor `bytes` may be used afterwards. */
  free(): void {
    this.#free();
  }
}

/**
 * Copies memory.
 *
 * @param address of readable memory of at least `length` bytes; this is not checked
 */
export async function copyFrom(address: bigint, length: number): Promise<Buffer> {
  const koffi = await loadKoffi();
  const copy = Buffer.alloc(length);
  copy.set(new Uint8Array(koffi.view(address, length)));
  return copy;
}
