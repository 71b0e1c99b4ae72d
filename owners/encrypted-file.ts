import { createHash } from "node:crypto";
import { basename } from "node:path";
import { hasPictureSignature } from "../src/image/picture-signature.js";

export interface EncryptedFile {
  /** The path that was encrypted. */
  input: string;
  plaintext: Buffer;
  /** The path of the `.encrypted` file. */
  file: string;
  content: Buffer;
}

type Content = "picture" | "onnx" | "ort" | "unknown";

/**
 * Describes an `.encrypted` file for people: its path, its SHA-256 and, unless it is a picture, the settings of config.json
 * by which a server loads it as its model. ONNX has no signature; a file of that format is recognised by its name alone.
 *
 * @returns lines
 */
export function describeEncryptedFile({
  input,
  plaintext,
  file,
  content,
}: EncryptedFile): string[] {
  const sha256 = createHash("sha256").update(content).digest("hex");
  const lines = [`wrote ${file}`, `sha256 ${sha256}`];
  const kind = contentOf(input, plaintext);
  if (kind === "picture") return lines;
  const settings = {
    Url: `https://HOST/${encodeURIComponent(basename(file))}`,
    Sha256: sha256,
    Manifest: "/app/model.json",
    Key: "ID",
    Format: kind === "ort" ? "ort" : "onnx",
  };
  const condition = kind === "unknown" ? "If this is a model, put" : "Put";
  return [
    ...lines,
    `${condition} this under Inference in config.json, with your web host and the ID of the key's secret:`,
    ...`"Model": ${JSON.stringify(settings, null, 2)}`.split("\n").map((line) => `  ${line}`),
  ];
}

function contentOf(input: string, plaintext: Buffer): Content {
  if (hasPictureSignature(plaintext)) return "picture";
  // The file identifier of ONNX Runtime's FlatBuffers schema (onnxruntime/core/flatbuffers/schema/ort.fbs).
  if (plaintext.toString("latin1", 4, 8) === "ORTM") return "ort";
  return input.toLowerCase().endsWith(".onnx") ? "onnx" : "unknown";
}
