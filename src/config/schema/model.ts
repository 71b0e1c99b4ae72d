import { z } from "zod";
import { httpsUrl, milliseconds, path } from "./values.js";

/** `Inference.Model`: the encrypted model, and how it is downloaded and loaded. */
export const model = z
  .strictObject({
    Url: httpsUrl.describe(
      "The https:// URL of the encrypted model. A path that ends in .jwe: JWE (A256KW or dir, A256GCM); any other: AES-256-CBC.",
    ),
    Sha256: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/u, { error: "the encrypted file's SHA-256, 64 hex digits" })
      .describe("SHA-256 of the encrypted file, 64 hex digits."),
    Manifest: path.describe("The path of the model's manifest, model.json."),
    Key: z
      .string()
      .optional()
      .describe(
        "ID of the secret that decrypts the model. Default: the entry whose LocalPath is /model.key.",
      ),
    Format: z
      .enum(["onnx", "ort"])
      .default("onnx")
      .describe("The decrypted file: ONNX, or ONNX Runtime's format (`confml model optimize`)."),
    Weights: z
      .enum(["packed", "in-place"])
      .default("packed")
      .describe(
        "`packed`: copied into the fastest order. `in-place`: used where they lie in the file.",
      ),
    DeadlineMs: milliseconds(600_000).describe("Time for the download, in ms."),
    LoadTimeoutMs: milliseconds(120_000).describe("Time for loading and trying out, in ms."),
    MaxBytes: z
      .int()
      .min(1)
      .max(2_000_000_000)
      .default(1_000_000_000)
      .describe("Largest size of the encrypted file, in bytes."),
  })
  .describe("The model.");
