import { isNativeError } from "node:util/types";
import { inflateSync } from "node:zlib";
import { pngChunks } from "./png-chunks.js";
import { readTiffDirectory } from "./tiff-directory.js";

/** Pillow's MAX_TEXT_CHUNK (PngImagePlugin.py). */
const mostTextBytes = 1_048_576;
const orientationTag = 0x0112;
const xmpKeyword = "XML:com.adobe.xmp";
const rawProfileKeyword = "Raw profile type exif";

export type TextOrientation =
  | { kind: "found"; orientation: number }
  | { kind: "none" }
  /** A text that Pillow does not read, and with it the file. */
  | { kind: "refused" };

/**
 * The orientation that Pillow 9.4's `exif_transpose` finds in a PNG's texts (`Image.getexif`): in ImageMagick's raw
 * profile if there is no eXIf chunk, then in XMP. libvips reads eXIf alone.
 */
export function readTextOrientation(file: Uint8Array, hasExifChunk: boolean): TextOrientation {
  const texts = new Map<string, string>();
  for (const { type, data } of pngChunks(file)) {
    const text = readText(type, data);
    if (text === "refused") return { kind: "refused" };
    // Of a keyword that is there twice the last text counts.
    if (text !== undefined) texts.set(text.keyword, text.value);
  }
  const rawProfile = texts.get(rawProfileKeyword);
  const fromProfile =
    rawProfile === undefined || hasExifChunk ? undefined : readRawProfile(rawProfile);
  const xmp = /tiff:Orientation(?:="|>)([0-9])/u.exec(texts.get(xmpKeyword) ?? "")?.[1];
  const orientation = fromProfile ?? (xmp === undefined ? undefined : Number(xmp));
  return orientation === undefined ? { kind: "none" } : { kind: "found", orientation };
}

/** PNG, section 11.3.4: tEXt, zTXt, iTXt. */
function readText(
  type: string,
  data: Buffer,
): { keyword: string; value: string } | "refused" | undefined {
  if (!["tEXt", "zTXt", "iTXt"].includes(type)) return undefined;
  const keywordEnd = data.indexOf(0);
  const keyword = data.toString("latin1", 0, keywordEnd);
  if (keywordEnd < 0 || ![xmpKeyword, rawProfileKeyword].includes(keyword)) return undefined;
  const rest = data.subarray(keywordEnd + 1);
  if (type === "tEXt") return { keyword, value: rest.toString("latin1") };
  // The compression method; of iTXt a flag before it, and a language and a translated keyword after it.
  const isCompressed = type === "zTXt" || rest[0] === 1;
  const text = type === "zTXt" ? rest.subarray(1) : rest.subarray(skipNames(rest));
  const value = isCompressed ? inflate(text) : text;
  return value === "refused" ? value : { keyword, value: value.toString("utf8") };
}

function skipNames(rest: Buffer): number {
  const language = rest.indexOf(0, 2);
  return language < 0 ? rest.length : rest.indexOf(0, language + 1) + 1;
}

/** Pillow takes what is no zlib stream for an empty text, and refuses what is too long. */
function inflate(data: Buffer): Buffer | "refused" {
  try {
    return inflateSync(data, { maxOutputLength: mostTextBytes });
  } catch (error) {
    const isTooLong =
      isNativeError(error) && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    return isTooLong ? "refused" : Buffer.alloc(0);
  }
}

/** Hexadecimal digits after three lines: an empty one, the profile's name, its length. */
function readRawProfile(text: string): number | undefined {
  const exif = Buffer.from(text.split("\n").slice(3).join(""), "hex");
  const prefix = Buffer.from("Exif\0\0", "latin1");
  const isPrefixed = exif.subarray(0, prefix.length).equals(prefix);
  const body = isPrefixed ? exif.subarray(prefix.length) : exif;
  return readTiffDirectory(body)?.get(orientationTag)?.[0];
}
