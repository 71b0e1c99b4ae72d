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

const tagBytes = 16;
const dot = ".".charCodeAt(0);
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

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
  const bytes = end < 1 ? undefined : decode(jwe.subarray(0, end));
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
  const encryptedKey = decode(encodedKey);
  const iv = decode(encodedIv);
  const tag = decode(encodedTag);
  const sealed = decode(encodedContent, tagBytes);
  if (encryptedKey === undefined || iv === undefined) return undefined;
  if (sealed === undefined || tag?.length !== tagBytes) return undefined;
  sealed.set(tag, sealed.length - tagBytes);
  return { header, protectedHeader: new Uint8Array(head), encryptedKey, iv, sealed };
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

/**
 * Decodes strict base64url. Node's decoder is fast, but also accepts the alphabet of base64, stops at `=` and skips
 * unknown characters. The first is checked before, the others by the number of decoded bytes.
 *
 * @param spareBytes number of zeros that are appended to the result
 * @returns undefined for anything else
 */
function decode(encoded: Uint8Array, spareBytes = 0): Uint8Array<ArrayBuffer> | undefined {
  const { length } = encoded;
  const decodedBytes = Math.floor((length * 3) / 4);
  if (length % 4 === 1 || encoded.includes(0x2b) || encoded.includes(0x2f)) return undefined;
  const unusedBits = [0, 0, 4, 2][length % 4] ?? 0;
  const last = alphabet.indexOf(String.fromCharCode(encoded.at(-1) ?? 0));
  if (last % 2 ** unusedBits !== 0) return undefined;
  const decoded = Buffer.alloc(decodedBytes + spareBytes);
  const text = Buffer.from(encoded.buffer, encoded.byteOffset, length).toString("latin1");
  return decoded.write(text, 0, "base64url") === decodedBytes ? decoded : undefined;
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
