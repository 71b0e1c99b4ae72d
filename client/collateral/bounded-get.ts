import { readBounded } from "../read-bounded.js";

const timeoutMs = 15_000;
const maxBytes = 1_000_000;

export interface Got {
  bytes: Uint8Array<ArrayBuffer>;
  headers: Headers;
}

/**
 * Gets a URL without following redirects.
 *
 * @throws Error after 15 seconds, for more than 1,000,000 bytes, and for any status but 200
 */
export async function boundedGet(url: string): Promise<Got> {
  const response = await fetch(url, {
    redirect: "error",
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`expected HTTP 200, got ${response.status}`);
  }
  return { bytes: await readBounded(response, maxBytes), headers: response.headers };
}
