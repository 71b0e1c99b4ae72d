import { posix } from "node:path";
import { ConfigurationError } from "../errors.js";
import type { Config } from "./schema.js";

/** Which secret is used for what, by ID. */
export interface KeyNames {
  model: string;
  /** The data owners' keys. */
  images: readonly string[];
  /** The one key of `.encrypted` uploads. */
  legacyImage: string;
}

/** What makes two entries one: vaults take capitals for small letters, and a file has many paths. */
const identities = {
  ID: (id: string) => id.toLowerCase(),
  LocalPath: (path: string) => posix.normalize(path),
} as const;

/**
 * Finds each role's secret: named by ID in the configuration, else by the paths that the original
 * sample used.
 *
 * @throws ConfigurationError CONFIG_INVALID for a name without an entry, two entries alike, or one
 *   key in both roles (either owner could then read the other's secret).
 */
export function resolveKeyNames(config: Config, doing: string): KeyNames {
  const { Secret: secrets, Inference: inference } = config;
  const fail = (where: string, expected: string, got: string, fix: string): never => {
    throw new ConfigurationError("CONFIG_INVALID", {
      doing: `${doing}: ${where}`,
      expected,
      got,
      fix,
    });
  };

  for (const field of ["ID", "LocalPath"] as const) {
    const values = secrets.map((secret) => identities[field](secret[field]));
    const twice = secrets.find((_, index) => values.indexOf(values[index] ?? "") !== index);
    if (twice !== undefined) {
      fail(
        "Secret",
        `a different ${field} in each entry`,
        `${JSON.stringify(twice[field])} twice`,
        `Change one ${field}`,
      );
    }
  }

  const known = secrets.map((secret) => secret.ID);
  const named = (where: string, id: string): string =>
    known.includes(id)
      ? id
      : fail(
          where,
          `the ID of an entry of Secret (${known.join(", ")})`,
          JSON.stringify(id),
          "Correct the name",
        );
  const byPath = (path: string, where: string): string =>
    secrets.find((secret) => secret.LocalPath === path)?.ID ??
    fail(
      where,
      `a name, or an entry of Secret whose LocalPath is ${path}`,
      "neither",
      `Name the secret in ${where}`,
    );

  const { Model: model, Images: images } = inference;
  const modelKey =
    model.Key === undefined
      ? byPath("/model.key", "Inference.Model.Key")
      : named("Inference.Model.Key", model.Key);
  const imageKeys =
    images.Keys === undefined
      ? [byPath("/image.key", "Inference.Images.Keys")]
      : images.Keys.map((id, index) => named(`Inference.Images.Keys[${index}]`, id));
  const [firstImageKey] = imageKeys;
  const legacyKey = images.LegacyKey ?? firstImageKey;
  if (legacyKey === undefined || !imageKeys.includes(legacyKey)) {
    return fail(
      "Inference.Images.LegacyKey",
      `one of Images.Keys (${imageKeys.join(", ")})`,
      JSON.stringify(legacyKey),
      "Correct the name",
    );
  }
  if (imageKeys.includes(modelKey)) {
    fail(
      "Inference.Images.Keys",
      "keys other than the model's",
      JSON.stringify(modelKey),
      "Give each owner a key of its own",
    );
  }
  return { model: modelKey, images: imageKeys, legacyImage: legacyKey };
}
