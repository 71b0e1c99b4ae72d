import type { Config } from "../config/schema.js";
import type { AesKey } from "../crypto/aes-key.js";
import type { EcdhKey } from "../crypto/ecdh-key.js";
import type { ImageKeys } from "../keys/image-keys.js";
import type { AnswerKey, AnswerType } from "./answer.js";
import type { Upload } from "./upload.js";

/** A format's name in `Images.Formats` of config.json. */
export type UploadFormatName = Config["Inference"]["Images"]["Formats"][number];

/** The values of `Results.Encrypt` in config.json. */
export type EncryptResults = Config["Inference"]["Results"]["Encrypt"];

/** A format of uploads: how it is recognised, opened and answered. `formats.ts` lists all of them. */
export interface UploadFormat<Name extends UploadFormatName = UploadFormatName> {
  readonly name: Name;
  /** `encrypted`: alterations of the file are not detected; `authenticated`: only a holder of the key can create it. */
  readonly protection: "none" | "encrypted" | "authenticated";
  /** Whether the answer is what the upload itself asks for (`OpenedUpload.asked`): query and headers cannot choose it. */
  readonly carriesRequest?: true;
  /**
   * Whether the upload's file name or media type names this format. Of the bytes, at most a JWE's protected header is
   * read: its `alg` selects the keys.
   */
  isNamedBy(upload: Pick<Upload, "name" | "mediaType" | "bytes">): boolean;
  /**
   * Opens an upload with each key that may fit, one after the other. A format without authentication yields a result for
   * every key, because only decoding shows whether the key was right.
   *
   * @param keys the data owners' released keys
   * @param attestedKey the attested encryption key of this boot
   * @returns one result per key that opens the upload, possibly none
   */
  open(
    bytes: Buffer,
    keys: ImageKeys,
    attestedKey: EcdhKey,
  ): Iterable<OpenedUpload> | AsyncIterable<OpenedUpload>;
  /**
   * The media types in which an upload may be answered, the default first.
   *
   * @param canSeal whether there is a key that encrypts answers to `.encrypted` uploads (`Results.Key`)
   * @returns an empty list if the answer must be encrypted and there is no key for it
   */
  answerTypes(encrypt: EncryptResults, canSeal: boolean): readonly AnswerType[];
}

export interface OpenedUpload {
  /** The picture's file; for a `.encrypted` upload it is followed by its padding. */
  file: Uint8Array;
  /** The key that opened it; undefined for a plain upload. */
  openedBy: AesKey | undefined;
  /** The key that may encrypt the answer. */
  answerKey: AnswerKey | undefined;
  /** What the upload asks for, of a format that carries its request. */
  asked?: {
    /** Labels of the answer; undefined: the default. */
    top: number | undefined;
    receipt: boolean;
  };
}
