import { NativeMemory, copyFrom } from "../../native/memory.js";
import { keyBytes } from "../client.js";

/**
 * Mystikos' `ReleasedSecret`, as 64-bit compilers lay it out: `{ uint32_t schemaVersion; char *id,
 * *category, *type, *description; uint8_t *data; size_t length; }`.
 */
const layout = { data: 40, length: 48, size: 56 } as const;

export function allocateReleasedSecret(): Promise<NativeMemory> {
  return NativeMemory.allocate(layout.size);
}

/**
 * Copies the key out. Nothing that the library says is believed before it is looked at: a byte is read
 * only where it says that there are exactly as many as a key has.
 *
 * @returns the copy, or what came in place of a key
 */
export async function copyKey(secret: NativeMemory): Promise<Buffer | string> {
  const data = secret.readWord(layout.data);
  const length = secret.readWord(layout.length);
  if (length !== BigInt(keyBytes)) return `${length} bytes`;
  if (data === 0n) return "a NULL pointer";
  return copyFrom(data, keyBytes);
}
