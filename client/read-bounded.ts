import { concatBytes } from "./encoding.js";

/**
 * Reads an answer's body.
 *
 * @throws Error for more bytes
 */
export async function readBounded(
  response: Response,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const chunk: { value?: unknown } = (await reader?.read()) ?? {};
    const { value } = chunk;
    if (!(value instanceof Uint8Array)) break;
    length += value.length;
    if (length > maxBytes) {
      await reader?.cancel();
      throw new Error(`expected an answer of at most ${maxBytes} bytes`);
    }
    parts.push(value);
  }
  return concatBytes(...parts);
}
