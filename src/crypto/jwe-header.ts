/** A JWE's protected header and the other four parts of its compact serialisation (RFC 7516, section 3.1). */
export interface CompactJwe {
  header: Readonly<Record<string, unknown>>;
  /** The header as it was sent: what the content's tag authenticates beside the content. */
  protectedHeader: Uint8Array<ArrayBuffer>;
  encryptedKey: Uint8Array<ArrayBuffer>;
  iv: Uint8Array<ArrayBuffer>;
  /** With the authentication tag behind it, as Web Cryptography wants it. */
  sealed: Uint8Array<ArrayBuffer>;
}

/** Of the encoded header. What JSON.parse makes of 20 MB holds the event loop for seconds. */
export const maxHeaderBytes = 4096;

const tagBytes = 16;
const dot = ".".charCodeAt(0);
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/**
 * Reads a JWE's header. Its length is checked before anything is decoded.
 *
 * @returns undefined for whatever is no header of a JWE in compact serialisation: over `maxHeaderBytes`, no strict
 *   base64url (RFC 7515, section 2: no padding, no white space; RFC 4648, section 3.5: unused bits are 0), no
 *   JSON object in UTF-8 without a byte order mark (RFC 8259, section 8.1), a name twice in any of its objects (RFC
 *   7516, section 4; RFC 8259, section 4)
 */
export function readHeader(jwe: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  const end = jwe.subarray(0, maxHeaderBytes + 1).indexOf(dot);
  const bytes = end < 1 ? undefined : decode(jwe.subarray(0, end));
  return bytes === undefined ? undefined : parseHeader(bytes);
}

/** @returns undefined for whatever is no JWE in compact serialisation of exactly five parts with a tag of 16 bytes */
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
 * Strict base64url. Node's decoder is fast, but takes both alphabets, ends at `=` and skips what it does not know: then
 * fewer bytes come out than there must be.
 *
 * @param spareBytes zeros behind the result
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

/** @param json well-formed; in it a colon outside a string comes after a name, and nowhere else */
function hasUniqueNames(json: string): boolean {
  /** The names of each object that is open; of arrays none. */
  const open: Set<unknown>[] = [];
  let string = '""';
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/gu)) {
    if (token === "{" || token === "[") open.push(new Set());
    else if (token === "}" || token === "]") open.pop();
    else if (token !== ":") string = token;
    else {
      const names = open.at(-1);
      // As a value: "kid" and "\u006bid" are one name.
      const name: unknown = JSON.parse(string);
      if (names?.has(name) === true) return false;
      names?.add(name);
    }
  }
  return true;
}
