import { attested } from "./formats/attested.js";
import { encrypted } from "./formats/encrypted.js";
import { jwe } from "./formats/jwe.js";
import { plain } from "./formats/plain.js";
import type { Upload } from "./upload.js";
import type { UploadFormat, UploadFormatName } from "./upload-format.js";

/**
 * All upload formats. A new one is a file in formats/, its name in `Images.Formats` (config/schema.ts) and a line here: the
 * type requires an entry for each name, with the format of that name. An upload that names two formats has the first of
 * them.
 */
export const uploadFormats: { readonly [Name in UploadFormatName]: UploadFormat<Name> } = {
  encrypted,
  attested,
  jwe,
  plain,
};

/**
 * The format that an upload's file name names, or else its media type; `plain` if neither names one. The protected
 * header of a JWE tells `attested` from `jwe`.
 */
export function formatOf(upload: Pick<Upload, "name" | "mediaType" | "bytes">): UploadFormat {
  return Object.values(uploadFormats).find((format) => format.isNamedBy(upload)) ?? plain;
}
