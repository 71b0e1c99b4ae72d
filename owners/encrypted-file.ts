import { basename } from "node:path";
import { hasPictureSignature } from "../src/image/picture-signature.js";

export interface EncryptedFile {
  /** The path that was encrypted. */
  input: string;
  /** The first bytes of the plaintext, at least 12 if it has so many. */
  head: Buffer;
  /** The path of the encrypted file. */
  file: string;
  /** Of the encrypted file, hexadecimal. */
  sha256: string;
  /** ID of the key's secret, if it is known. */
  kid?: string;
}

type Content = "picture" | "onnx" | "ort" | "unknown";

/**
 * Describes an encrypted file for people: its path, its SHA-256 and, unless it is a picture, the settings of config.json
 * by which a server loads it as its model. ONNX has no signature; a file of that format is recognised by its name alone.
 *
 * @returns lines
 */
export function describeEncryptedFile({
  input,
  head,
  file,
  sha256,
  kid = "ID",
}: EncryptedFile): string[] {
  const lines = [`wrote ${file}`, `sha256 ${sha256}`];
  const kind = contentOf(input, head);
  if (kind === "picture") return lines;
  const settings = {
    Url: `https://HOST/${encodeURIComponent(basename(file))}`,
    Sha256: sha256,
    Manifest: "/app/model.json",
    Key: kid,
    Format: kind === "ort" ? "ort" : "onnx",
  };
  const toReplace = kid === "ID" ? "web host and the ID of the key's secret" : "web host";
  const condition = kind === "unknown" ? "If this is a model, put" : "Put";
  return [
    ...lines,
    `${condition} this under Inference in config.json, with your ${toReplace}:`,
    ...`"Model": ${JSON.stringify(settings, null, 2)}`.split("\n").map((line) => `  ${line}`),
  ];
}

function contentOf(input: string, head: Buffer): Content {
  if (hasPictureSignature(head)) return "picture";
  // The file identifier of ONNX Runtime's FlatBuffers schema (onnxruntime/core/flatbuffers/schema/ort.fbs).
  if (head.toString("latin1", 4, 8) === "ORTM") return "ort";
  return input.toLowerCase().endsWith(".onnx") ? "onnx" : "unknown";
}
