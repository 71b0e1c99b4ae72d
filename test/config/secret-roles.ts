import { resolveKeyNames } from "../../src/config/key-names.js";
import type { KeyNames } from "../../src/config/key-rules.js";
import { configSchema } from "../../src/config/schema.js";

export interface Entry {
  ID: string;
  LocalPath: string;
  SrsAddress?: string;
  Tenant?: string;
}

export interface Names {
  model?: string;
  images?: string[];
  legacy?: string;
  /** Default: the schema's. */
  formats?: string[];
  results?: { Key?: string; Encrypt?: string };
}

/** The paths of the original sample. */
export const original: Entry[] = [
  { ID: "ModelKey", LocalPath: "/model.key" },
  { ID: "DataKey", LocalPath: "/image.key" },
];
export const three: Entry[] = [...original, { ID: "OtherKey", LocalPath: "/other.key" }];

export const all = ["plain", "encrypted", "jwe"];

export function resolve(entries: Entry[], names: Names = {}): KeyNames {
  const { model, images, legacy, formats, results } = names;
  const config = configSchema.parse({
    Secret: entries.map((entry) => ({
      SrsAddress: "https://vault.example",
      ClientLib: "mhsm",
      ...entry,
    })),
    Inference: {
      Listen: {},
      Attestation: { Endpoint: "https://attest.example", Evidence: "sgx" },
      Model: {
        Url: "https://models.example/model",
        Sha256: "0".repeat(64),
        Manifest: "model.json",
        Key: model,
      },
      Images: { Formats: formats, Keys: images, LegacyKey: legacy },
      Results: results,
    },
  });
  return resolveKeyNames(config, "reading config.json");
}
