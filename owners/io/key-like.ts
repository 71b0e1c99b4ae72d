/** 32 bytes as hex: in one piece, or as xxd, C and others write it, with something between the digits. */
const hexKey = /(?:0x|\\x)?(?:[0-9a-f](?:[:,\s-]|0x|\\x){0,3}){63,}[0-9a-f]/giu;
/** 32 bytes as base64 or base64url: 43 characters after something else, or after the slash of a path. */
const base64Key = /(?<![A-Za-z0-9+_-])[A-Za-z0-9+/_-]{43}(?![A-Za-z0-9+/_-])/gu;
/** A JWT or JWE in compact form (RFC 7519, RFC 7516). */
const token = /eyJ[\w-]{10,}\.[\w.-]*/gu;
/** No option of ours has such a name: a key with hyphens before it. */
const longOption = /^-[A-Za-z0-9+/_-]{43,}/u;
/** `NAME/VERSION` of a key in a vault can have 43 characters. */
const keyVersion = /\/[0-9a-f]{32}$/u;

/** A small letter, a capital or a digit before one of another kind. */
const change = /[a-z](?=[A-Z0-9])|[A-Z](?=[a-z0-9])|[0-9](?=[A-Za-z])/gu;
/** 43 random characters have 25 in the mean, and fewer than this twice in a million keys; a path has a few. */
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
 * Whether a word cannot be shown, nor be a file's name that is worth one: PEM, the bytes of a key themselves
 * (Node puts U+FFFD for what is not UTF-8), or something that would move a terminal's cursor.
 */
export function isUnprintable(word: string): boolean {
  return /[\p{Cc}\uFFFD]|-----BEGIN /u.test(word);
}

/** Their values are hashes of code and of public keys, which are no secrets. */
const publicOptions = ["--mrenclave", "--mrsigner"];

/** @returns what of a command line may be a key, with the number of its word from 1 */
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
 * Takes out of a message whatever of the command line may be a key, given by mistake where a file's name belongs.
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
