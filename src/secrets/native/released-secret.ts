import { NativeMemory, copyFrom } from "../../native/memory.js";
import { aesKeyBytes } from "../../crypto/aes-key.js";

/**
 * Mystikos' `ReleasedSecret`, as 64-bit compilers lay it out: `{ uint32_t schemaVersion; char *id,
 * *category, *type, *description; uint8_t *data; size_t length; }`.
 */
const layout = { data: 40, length: 48, size: 56 } as const;

/** Allocates a zeroed `ReleasedSecret`, which the caller frees. */
export function allocateReleasedSecret(): Promise<NativeMemory> {
  return NativeMemory.allocate(layout.size);
}

/**
 * Copies the key out of a filled-in `ReleasedSecret`. Its data is read only if the length is exactly a key's and the
 * pointer is not NULL.
 *
 * @returns the copy, or a description of what the struct holds instead of a key
 */
export async function copyKey(secret: NativeMemory): Promise<Buffer | string> {
  const data = secret.readWord(layout.data);
  const length = secret.readWord(layout.length);
  if (length !== BigInt(aesKeyBytes)) return `${length} bytes`;
  if (data === 0n) return "a NULL pointer";
  return copyFrom(data, aesKeyBytes);
}
