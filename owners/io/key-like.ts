/** 32 bytes as hex, with or without separators between the digits, as xxd or C write them. */
const hexKey = /(?:0x|\\x)?(?:[0-9a-f](?:[:,\s-]|0x|\\x){0,3}){63,}[0-9a-f]/giu;
/** 32 bytes as base64 or base64url: exactly 43 characters of the alphabet; a slash may also separate a path. */
const base64Key = /(?<![A-Za-z0-9+_-])[A-Za-z0-9+/_-]{43}(?![A-Za-z0-9+/_-])/gu;
/** A JWT or JWE in compact form (RFC 7519, RFC 7516). */
const token = /eyJ[\w-]{10,}\.[\w.-]*/gu;
/** A key after one or two hyphens; no option has a name as long. */
const longOption = /^-[A-Za-z0-9+/_-]{43,}/u;
/** The end of `NAME/VERSION` of a key in a vault, which can have 43 characters as well. */
const keyVersion = /\/[0-9a-f]{32}$/u;

/** A place where the kind of character (small letter, capital, digit) changes. */
const change = /[a-z](?=[A-Z0-9])|[A-Z](?=[a-z0-9])|[0-9](?=[A-Za-z])/gu;
/** 43 random characters have 25 changes on average; two of a million keys have fewer than this. Paths have few. */
const fewestChanges = 9;

function isRandom(text: string): boolean {
  return !keyVersion.test(text) && (text.match(change) ?? []).length >= fewestChanges;
}

/** @returns the parts of a word that may be a key or a token */
function keyLikeParts(word: string): string[] {
  return [
    ...(word.match(hexKey) ?? []),
    ...(word.match(base64Key) ?? []).filter(isRandom),
    ...(word.match(token) ?? []),
  ];
}

/** Whether a word as a whole looks like a key: 32 bytes as hex, base64 or base64url. */
export function looksLikeKey(word: string): boolean {
  const text = word.replace(/=$/u, "");
  return keyLikeParts(text).includes(text);
}

/**
 * Whether a word must not be shown and cannot be a sensible file name: PEM, binary data such as a key (Node decodes
 * invalid UTF-8 to U+FFFD), or control characters, which a terminal would obey.
 */
export function isUnprintable(word: string): boolean {
  return /[\p{Cc}\uFFFD]|-----BEGIN /u.test(word);
}

/** Options whose values are hashes of code and of public keys, which are public. */
const publicOptions = ["--mrenclave", "--mrsigner"];

/** @returns the parts of a command line that may be keys, with the number of their word, from 1 */
function keysIn(argv: readonly string[]): { part: string; position: number }[] {
  return argv.flatMap((word, index) => {
    const option = publicOptions.find((name) => word.startsWith(`${name}=`));
    if (option !== undefined || publicOptions.includes(argv[index - 1] ?? "")) return [];
    // A value may follow a short option without a space, and a long one after `=`.
    const texts = [word, word.slice(word.indexOf("=") + 1), word.replace(/^-\w/u, "")];
    const parts = [...texts.flatMap(keyLikeParts), ...(longOption.exec(word) ?? [])];
    return parts.map((part) => ({ part, position: index + 1 }));
  });
}

/**
 * Removes from a message every part of the command line that may be a key, given by mistake instead of a file name.
 *
 * @param argv the words after `confml`
 */
export function hideKeys(message: string, argv: readonly string[]): string {
  return keysIn(argv).reduce(
    (text, { part, position }) =>
      text.replaceAll(part, `[not shown: word ${position} looks like a key]`),
    message,
  );
}
