import { posix } from "node:path";
import { ConfigurationError } from "../errors.js";
import type { Config } from "./schema.js";

/** Which secret is used for what, by ID. No secret has two uses. */
export interface KeyNames {
  model: string;
  /** The data owners' secrets of JWE uploads. */
  images: readonly string[];
  /** The one secret of `.encrypted` uploads; undefined: there are none. */
  legacyImage: string | undefined;
  /** The JWE secret of encrypted answers to `.encrypted` uploads; may be one of `images`. */
  results: string | undefined;
}

/** What makes two entries one: vaults take capitals for small letters, and a file has many paths. */
const identities = {
  ID: (id: string) => id.toLowerCase(),
  LocalPath: (path: string) => posix.normalize(path),
} as const;

/** The paths that the original sample used. */
const modelPath = "/model.key";
const imagePath = "/image.key";

const whyJweIsSeparate =
  "a JWE secret that is not the LegacyKey: nothing authenticates .encrypted uploads, and their plaintext is answered, " +
  "so whoever may upload can decrypt with that key what it likes, JWE content keys included (one key, one use)";
const jweFix = (formats: readonly string[]): string =>
  "Name a secret of its own for JWE in Inference.Images.Keys, or take " +
  (formats.includes("encrypted")
    ? "encrypted out of Inference.Images.Formats"
    : "Inference.Images.LegacyKey out");

/**
 * Finds each role's secret: named by ID in the configuration, else by the paths that the original
 * sample used.
 *
 * @throws ConfigurationError CONFIG_INVALID for a name without an entry, two entries alike, or one secret with two
 *   uses
 */
export function resolveKeyNames(config: Config, doing: string): KeyNames {
  const { Secret: secrets, Inference: inference } = config;
  const { Model: model, Images: images, Results: results } = inference;
  const fail: Fail = (where, expected, got, fix) => {
    throw new ConfigurationError("CONFIG_INVALID", {
      doing: `${doing}: ${where}`,
      expected,
      got,
      fix,
    });
  };
  refuseTwins(secrets, fail);

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
  const nameOr = (where: string, id: string | undefined, path: string): string =>
    id === undefined ? byPath(path, where) : named(where, id);

  const modelKey = nameOr("Inference.Model.Key", model.Key, modelPath);
  const legacyWhere = "Inference.Images.LegacyKey";
  const legacyKey =
    images.LegacyKey !== undefined || images.Formats.includes("encrypted")
      ? nameOr(legacyWhere, images.LegacyKey, imagePath)
      : undefined;
  const imageKeys = (images.Keys ?? []).map((id, index) =>
    named(`Inference.Images.Keys[${index}]`, id),
  );
  if (images.Keys === undefined && images.Formats.includes("jwe")) {
    imageKeys.push(byPath(imagePath, "Inference.Images.Keys"));
  }
  const resultsKey =
    results.Key === undefined ? undefined : named("Inference.Results.Key", results.Key);

  if (legacyKey !== undefined && imageKeys.includes(legacyKey)) {
    const got =
      images.Keys === undefined
        ? `nothing, and ${JSON.stringify(legacyKey)} is the LegacyKey`
        : JSON.stringify(legacyKey);
    fail("Inference.Images.Keys", whyJweIsSeparate, got, jweFix(images.Formats));
  }
  if (resultsKey !== undefined && resultsKey === legacyKey) {
    const fix = "Name another secret in Inference.Results.Key, or take it out";
    fail("Inference.Results.Key", whyJweIsSeparate, JSON.stringify(resultsKey), fix);
  }
  const ownerOf = (id: string | undefined): string => {
    const entry = secrets.find((secret) => secret.ID === id);
    return JSON.stringify([entry?.SrsAddress.toLowerCase(), entry?.Tenant?.toLowerCase()]);
  };
  if (
    resultsKey !== undefined &&
    legacyKey !== undefined &&
    ownerOf(resultsKey) !== ownerOf(legacyKey)
  ) {
    fail(
      "Inference.Results.Key",
      `a secret of the same SrsAddress and Tenant as ${JSON.stringify(legacyKey)}, whose answers it encrypts`,
      JSON.stringify(resultsKey),
      "Name a secret of the same owner",
    );
  }
  for (const [where, ids] of [
    ["Inference.Images.Keys", imageKeys],
    [legacyWhere, [legacyKey]],
    ["Inference.Results.Key", [resultsKey]],
  ] as const) {
    if (!ids.includes(modelKey)) continue;
    const fix = "Give each owner a key of its own";
    fail(where, "a secret other than the model's", JSON.stringify(modelKey), fix);
  }
  if (
    results.Encrypt === "always" &&
    images.Formats.includes("encrypted") &&
    resultsKey === undefined
  ) {
    fail(
      "Inference.Results.Key",
      'the JWE secret that answers to .encrypted uploads are encrypted under, as Results.Encrypt is "always"',
      "nothing",
      "Name a JWE secret of the same owner",
    );
  }
  return { model: modelKey, images: imageKeys, legacyImage: legacyKey, results: resultsKey };
}

type Fail = (where: string, expected: string, got: string, fix: string) => never;

function refuseTwins(secrets: Config["Secret"], fail: Fail): void {
  for (const field of ["ID", "LocalPath"] as const) {
    const values = secrets.map((secret) => identities[field](secret[field]));
    const twice = secrets.find((_, index) => values.indexOf(values[index] ?? "") !== index);
    if (twice === undefined) continue;
    fail(
      "Secret",
      `a different ${field} in each entry`,
      `${JSON.stringify(twice[field])} twice`,
      `Change one ${field}`,
    );
  }
}
