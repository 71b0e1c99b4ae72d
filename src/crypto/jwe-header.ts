import { decodeBase64url } from "./base64url.js";

/** A JWE's protected header and the other four parts of its compact serialisation (RFC 7516, section 3.1). */
export interface CompactJwe {
  header: Readonly<Record<string, unknown>>;
  /** The encoded header, which is the additional authenticated data (RFC 7516, section 5.1, step 14). */
  protectedHeader: Uint8Array<ArrayBuffer>;
  encryptedKey: Uint8Array<ArrayBuffer>;
  iv: Uint8Array<ArrayBuffer>;
  /** Ciphertext followed by the authentication tag, the form that Web Cryptography expects. */
  sealed: Uint8Array<ArrayBuffer>;
}

/** Longest encoded header. JSON.parse of 20 MB would block the event loop for seconds. */
export const maxHeaderBytes = 4096;

/** Length of the authentication tag of `A256GCM` (RFC 7518, section 5.3). */
export const tagBytes = 16;

/**
 * Length of the encrypted key by `alg`. Only JWE in compact serialisation (RFC 7516) with keys of 32 bytes is accepted:
 * `alg` `dir` or `A256KW`, `enc` `A256GCM`, no `zip`, no `crit`. Everything else is refused, because an attacker chooses
 * the header.
 */
const encryptedKeyBytes: ReadonlyMap<string, number> = new Map([
  ["dir", 0],
  ["A256KW", 40],
]);

const dot = ".".charCodeAt(0);
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads the header of a JWE in compact serialisation. Its length is checked before anything is decoded.
 *
 * @returns undefined unless the header
 *   - has at most `maxHeaderBytes`,
 *   - is strict base64url: no padding, no white space (RFC 7515, section 2), unused bits 0 (RFC 4648, section 3.5),
 *   - is a JSON object in UTF-8 without a byte order mark (RFC 8259, section 8.1),
 *   - has no name twice in any object (RFC 7516, section 4; RFC 8259, section 4)
 */
export function readHeader(jwe: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  const end = jwe.subarray(0, maxHeaderBytes + 1).indexOf(dot);
  const bytes = end < 1 ? undefined : decodeBase64url(jwe.subarray(0, end));
  return bytes === undefined ? undefined : parseHeader(bytes);
}

/**
 * Reads a JWE in compact serialisation.
 *
 * @returns undefined unless there are exactly five parts, all of strict base64url, with a header as `readHeader` accepts
 *   it and a tag of 16 bytes
 */
export function readCompactJwe(jwe: Uint8Array): CompactJwe | undefined {
  const header = readHeader(jwe);
  const parts = header === undefined ? undefined : splitInFive(jwe);
  if (header === undefined || parts === undefined) return undefined;
  const [head, encodedKey, encodedIv, encodedContent, encodedTag] = parts;
  const encryptedKey = decodeBase64url(encodedKey);
  const iv = decodeBase64url(encodedIv);
  const tag = decodeBase64url(encodedTag);
  const sealed = decodeBase64url(encodedContent, tagBytes);
  if (encryptedKey === undefined || iv === undefined) return undefined;
  if (sealed === undefined || tag?.length !== tagBytes) return undefined;
  sealed.set(tag, sealed.length - tagBytes);
  return { header, protectedHeader: new Uint8Array(head), encryptedKey, iv, sealed };
}

/** Whether algorithms and lengths are the supported ones (RFC 7518, sections 4.4, 4.5 and 5.3). */
export function isSupportedJwe({
  header,
  encryptedKey,
  iv,
}: Pick<CompactJwe, "header" | "encryptedKey" | "iv">): boolean {
  const { alg, enc, zip, crit } = header;
  const keyBytes = typeof alg === "string" ? encryptedKeyBytes.get(alg) : undefined;
  const isPlain = zip === undefined && crit === undefined;
  return isPlain && enc === "A256GCM" && encryptedKey.length === keyBytes && iv.length === 12;
}

type Parts = [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];

function splitInFive(jwe: Uint8Array): Parts | undefined {
  const dots: number[] = [];
  for (let at = jwe.indexOf(dot); at >= 0; at = jwe.indexOf(dot, at + 1)) {
    if (dots.push(at) > 4) return undefined;
  }
  const [first, second, third, fourth] = dots;
  if (first === undefined || second === undefined || third === undefined) return undefined;
  if (fourth === undefined) return undefined;
  return [
    jwe.subarray(0, first),
    jwe.subarray(first + 1, second),
    jwe.subarray(second + 1, third),
    jwe.subarray(third + 1, fourth),
    jwe.subarray(fourth + 1),
  ];
}

function parseHeader(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = utf8.decode(bytes);
    const header: unknown = JSON.parse(text);
    return isObject(header) && hasUniqueNames(text) ? header : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param json well-formed JSON, in which a colon outside a string only occurs after a name */
function hasUniqueNames(json: string): boolean {
  /** The names in each object that is open; an empty set for an array. */
  const open: Set<unknown>[] = [];
  let string = '""';
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/gu)) {
    if (token === "{" || token === "[") open.push(new Set());
    else if (token === "}" || token === "]") open.pop();
    else if (token !== ":") string = token;
    else {
      const names = open.at(-1);
      // Decoded, because "kid" and "\u006bid" are the same name.
      const name: unknown = JSON.parse(string);
      if (names?.has(name) === true) return false;
      names?.add(name);
    }
  }
  return true;
}
