const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openList = 0x5b;
const backslash = 0x5c;
const closeList = 0x5d;
const openObject = 0x7b;
const closeObject = 0x7d;

/** Most members of all objects together. V8 takes microseconds for each name that it has not seen before. */
const mostMembers = 200;
/** Deepest nesting of objects and lists; nested tensor data has eight levels. */
const deepest = 16;
/** Lists for each row of a tensor of 16 pictures of 1,024 rows, and some more. */
const mostLists = 65_536;

/**
 * Whether a JSON text is small enough in its structure to be parsed: `JSON.parse` takes up to a hundred times longer for
 * short objects, lists and names than for the same bytes of numbers. It takes some 10 ms for 4 MiB. Bytes that are not
 * JSON may be said to be either.
 *
 * @param mostValues the most values in lists
 */
export function isPlainEnough(json: Uint8Array, mostValues: number): boolean {
  const text = Buffer.from(json.buffer, json.byteOffset, json.byteLength);
  let depth = 0;
  let lists = 0;
  let members = 0;
  let values = 0;
  for (let index = 0; index < text.length; index += 1) {
    const byte = text[index];
    if (byte === quote) {
      index = endOfString(text, index);
    } else if (byte === comma) {
      values += 1;
    } else if (byte === colon) {
      members += 1;
    } else if (byte === openList || byte === openObject) {
      lists += 1;
      depth += 1;
      if (depth > deepest) return false;
    } else if (byte === closeList || byte === closeObject) {
      depth -= 1;
    }
  }
  return lists <= mostLists && members <= mostMembers && values <= mostValues + mostMembers;
}

/** @returns the index of the closing quote, or the text's length */
function endOfString(text: Buffer, start: number): number {
  for (let end = text.indexOf(quote, start + 1); end >= 0; end = text.indexOf(quote, end + 1)) {
    let escapes = 0;
    while (text[end - 1 - escapes] === backslash) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}
