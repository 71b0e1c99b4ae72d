import { loadKoffi } from "./koffi.js";

/** Memory of C's, at an address that stays. */
export class NativeMemory {
  readonly address: bigint;
  /** Its bytes, all zeros at first. */
  readonly bytes: DataView;
  readonly #free: () => void;

  private constructor(address: bigint, bytes: DataView, free: () => void) {
    this.address = address;
    this.bytes = bytes;
    this.#free = free;
  }

  static async allocate(length: number): Promise<NativeMemory> {
    const koffi = await loadKoffi();
    const address = koffi.address(koffi.alloc("uint8_t", length));
    const bytes = new Uint8Array(koffi.view(address, length)).fill(0);
    return new NativeMemory(address, new DataView(bytes.buffer), () => {
      koffi.free(address);
    });
  }

  /** A pointer or size_t of the C side, which is little-endian and 64-bit wherever this runs. */
  readWord(offset: number): bigint {
    return this.bytes.getBigUint64(offset, true);
  }

  writeWord(offset: number, value: bigint): void {
    this.bytes.setBigUint64(offset, value, true);
  }

  /** Neither it nor its bytes may be used any more. */
  free(): void {
    this.#free();
  }
}

/** @param address of memory that a library says holds so many bytes */
export async function copyFrom(address: bigint, length: number): Promise<Buffer> {
  const koffi = await loadKoffi();
  const copy = Buffer.alloc(length);
  copy.set(new Uint8Array(koffi.view(address, length)));
  return copy;
}
