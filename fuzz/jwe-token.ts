import { createCipheriv } from "node:crypto";
import { compactDecrypt } from "jose";

/** The key of all tokens. */
export const jweKey = Buffer.alloc(32, 0x21);
const contentKey = Buffer.alloc(32, 0x22);
const iv = Buffer.alloc(12, 0x23);
/** The initial value of AES key wrap (RFC 3394, section 2.2.3.1). */
const wrapIv = Buffer.alloc(8, 0xa6);

export interface Sealing {
  header: Uint8Array;
  content: Uint8Array;
  isWrapped: boolean;
}

/** Makes a JWE (RFC 7516, compact) with a valid tag for any header, even a malformed one. It is deterministic. */
export function sealToken({ header, content, isWrapped }: Sealing): string {
  const protectedHeader = Buffer.from(header).toString("base64url");
  const wrap = createCipheriv("id-aes256-wrap", jweKey, wrapIv);
  const cipher = createCipheriv("aes-256-gcm", isWrapped ? contentKey : jweKey, iv);
  cipher.setAAD(Buffer.from(protectedHeader));
  const sealed = Buffer.concat([cipher.update(content), cipher.final()]);
  const encryptedKey = isWrapped ? wrap.update(contentKey) : Buffer.alloc(0);
  const parts = [encryptedKey, iv, sealed, cipher.getAuthTag()];
  return [protectedHeader, ...parts.map((part) => part.toString("base64url"))].join(".");
}

/** Opens a token with jose. @returns undefined where jose refuses it */
export async function openWithJose(token: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    const { plaintext } = await compactDecrypt(token, jweKey, {
      keyManagementAlgorithms: ["dir", "A256KW"],
      contentEncryptionAlgorithms: ["A256GCM"],
    });
    return plaintext;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Parses a header without the code under test. No name occurs twice where the text has as many names as the parsed value.
 *
 * @returns undefined for anything but a JSON object with distinct names
 */
export function headerOf(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    const colons = text.replace(/"(?:\\.|[^"\\])*"/gu, "").split(":").length - 1;
    return isObject(value) && colons === countNames(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function countNames(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const inner = Object.values(value).reduce<number>((sum, one) => sum + countNames(one), 0);
  return inner + (Array.isArray(value) ? 0 : Object.keys(value).length);
}
