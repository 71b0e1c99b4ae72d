import { isNativeError } from "node:util/types";
import { constants, inflateSync } from "node:zlib";
import { chunkType, visitPngChunks } from "./png-chunks.js";
import { readTiffDirectory } from "./tiff-directory.js";

/** Pillow's MAX_TEXT_CHUNK (PngImagePlugin.py). */
const mostTextBytes = 1_048_576;
const orientationTag = 0x0112;
const newline = 0x0a;
const keywords = {
  xmp: Buffer.from("XML:com.adobe.xmp", "latin1"),
  rawProfile: Buffer.from("Raw profile type exif", "latin1"),
} as const;

/** Result of the search for an orientation in a PNG's texts. */
export type TextOrientation =
  | { kind: "found"; orientation: number }
  | { kind: "none" }
  /** There is a text for which Pillow rejects the whole file. */
  | { kind: "refused" };

/** A text as stored in the file. */
interface Text {
  data: Buffer;
  isCompressed: boolean;
  /**
   * The text is an iTXt, and follows another text of the same keyword. If it does not inflate, Pillow skips it and uses
   * the earlier text. (Pillow reads a zTXt that does not inflate as an empty text.)
   */
  hasFallback: boolean;
}

/**
 * Finds the orientation that Pillow 9.4's `exif_transpose` finds in a PNG's texts (`Image.getexif`): in ImageMagick's
 * raw profile if there is no eXIf chunk, then in XMP. libvips reads eXIf only.
 *
 * Of several texts with the same keyword Pillow uses the last, because it puts texts into a dictionary. So only the last
 * is inflated here.
 *
 * @param file a PNG
 * @param hasExifChunk whether the file has an eXIf chunk
 */
export function readTextOrientation(file: Uint8Array, hasExifChunk: boolean): TextOrientation {
  const { xmp, rawProfile } = findTexts(file);
  const profile = hasExifChunk ? empty : readText(rawProfile);
  if (profile === "refused") return { kind: "refused" };
  const fromProfile = readRawProfile(profile);
  if (fromProfile !== undefined) return { kind: "found", orientation: fromProfile };
  const packet = readText(xmp);
  if (packet === "refused") return { kind: "refused" };
  const digit = /tiff:Orientation(?:="|>)([0-9])/u.exec(packet.toString("latin1"))?.[1];
  return digit === undefined ? { kind: "none" } : { kind: "found", orientation: Number(digit) };
}

const empty = Buffer.alloc(0);

function findTexts(file: Uint8Array): { xmp?: Text; rawProfile?: Text } {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const found: { xmp?: Text; rawProfile?: Text } = {};
  visitPngChunks(file, (type, dataStart, dataEnd) => {
    if (!isText(type)) return;
    for (const name of ["xmp", "rawProfile"] as const) {
      const keyword = keywords[name];
      const keywordEnd = dataStart + keyword.length;
      // Pillow reads a keyword without a separator as an empty text.
      if (keywordEnd > dataEnd || (keywordEnd < dataEnd && bytes[keywordEnd] !== 0)) continue;
      if (keyword.compare(bytes, dataStart, keywordEnd) !== 0) continue;
      const text = textOf(type, bytes.subarray(keywordEnd + 1, dataEnd));
      const hasEarlier = found[name] !== undefined;
      const hasFallback = hasEarlier && type === chunkType.internationalText;
      if (text !== undefined) found[name] = { ...text, hasFallback };
    }
  });
  return found;
}

function isText(type: number): boolean {
  return (
    type === chunkType.text ||
    type === chunkType.compressedText ||
    type === chunkType.internationalText
  );
}

/**
 * Reads what follows the keyword in tEXt, zTXt and iTXt (PNG, section 11.3.4).
 *
 * @returns undefined if Pillow skips the chunk
 */
function textOf(type: number, rest: Buffer): Omit<Text, "hasFallback"> | undefined {
  if (type === chunkType.text) return { data: rest, isCompressed: false };
  // The first byte is the compression method.
  if (type === chunkType.compressedText) return { data: rest.subarray(1), isCompressed: true };
  // A flag, the compression method, a language and a translated keyword; zeros end the last two.
  const languageEnd = rest.indexOf(0, 2);
  const translatedEnd = languageEnd < 0 ? -1 : rest.indexOf(0, languageEnd + 1);
  const isCompressed = rest[0] !== 0;
  if (translatedEnd < 0 || (isCompressed && rest[1] !== 0)) return undefined;
  return { data: rest.subarray(translatedEnd + 1), isCompressed };
}

function readText(text: Text | undefined): Buffer | "refused" {
  if (text === undefined) return empty;
  const { data, isCompressed, hasFallback } = text;
  if (!isCompressed) return data.length > mostTextBytes ? "refused" : data;
  const inflated = inflate(data);
  // Pillow would use the earlier text; this file is refused instead, so that at most one text is inflated.
  if (inflated === "broken") return hasFallback ? "refused" : empty;
  return inflated;
}

/** Inflates a stream. If it ends early, what was inflated is the result, as in Pillow. */
function inflate(data: Buffer): Buffer | "refused" | "broken" {
  try {
    return inflateSync(data, {
      maxOutputLength: mostTextBytes,
      finishFlush: constants.Z_SYNC_FLUSH,
    });
  } catch (error) {
    const isTooLong =
      isNativeError(error) && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    return isTooLong ? "refused" : "broken";
  }
}

/** Reads ImageMagick's raw profile: an empty line, the profile's name, its length, then hexadecimal digits. */
function readRawProfile(text: Buffer): number | undefined {
  let at = 0;
  for (let line = 0; line < 3; line += 1) {
    const end = text.indexOf(newline, at);
    if (end < 0) return undefined;
    at = end + 1;
  }
  const digits = Buffer.from(text.subarray(at).filter((byte) => byte !== newline));
  const exif = Buffer.from(digits.toString("latin1"), "hex");
  const prefix = Buffer.from("Exif\0\0", "latin1");
  const isPrefixed = exif.subarray(0, prefix.length).equals(prefix);
  const body = isPrefixed ? exif.subarray(prefix.length) : exif;
  return readTiffDirectory(body)?.get(orientationTag)?.[0];
}
