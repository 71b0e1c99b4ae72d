import { ConfigurationError } from "../errors.js";
import {
  imageKeysName,
  legacyKeyName,
  requireDistinctEntries,
  requireOneOwner,
  requireResultsKey,
  requireSeparateJweKeys,
  requireSeparateModelKey,
  resultsKeyName,
  type Fail,
  type KeyNames,
} from "./key-rules.js";
import type { Config } from "./schema.js";

/** The paths that the original sample used. */
const modelPath = "/model.key";
const imagePath = "/image.key";

const modelKeyName = "Inference.Model.Key";

/**
 * Finds each role's secret: named by ID in the configuration, else by the paths that the original
 * sample used.
 *
 * @param doing for the message: what is being done, as a participle ("reading config.json")
 * @throws ConfigurationError CONFIG_INVALID for a name without an entry, two entries alike, or one secret with two
 *   uses
 */
export function resolveKeyNames(config: Config, doing: string): KeyNames {
  const fail: Fail = (where, expected, got, fix) => {
    const failure = { doing: `${doing}: ${where}`, expected, got, fix };
    throw new ConfigurationError("CONFIG_INVALID", failure);
  };
  requireDistinctEntries(config.Secret, fail);
  const names = findNames(config, fail);
  requireSeparateJweKeys(config, names, fail);
  requireOneOwner(config, names, fail);
  requireSeparateModelKey(names, fail);
  requireResultsKey(config, names, fail);
  return names;
}

function findNames({ Secret: secrets, Inference: inference }: Config, fail: Fail): KeyNames {
  const { Model: model, Images: images, Results: results } = inference;
  const named = (where: string, id: string): string => requireEntry(secrets, where, id, fail);
  const byPath = (where: string, path: string): string => findByPath(secrets, where, path, fail);
  const nameOr = (where: string, id: string | undefined, path: string): string =>
    id === undefined ? byPath(where, path) : named(where, id);

  const modelKey = nameOr(modelKeyName, model.Key, modelPath);
  const hasLegacy = images.LegacyKey !== undefined || images.Formats.includes("encrypted");
  const legacyKey = hasLegacy ? nameOr(legacyKeyName, images.LegacyKey, imagePath) : undefined;
  const imageKeys = (images.Keys ?? []).map((id, at) => named(`${imageKeysName}[${at}]`, id));
  if (images.Keys === undefined && images.Formats.includes("jwe")) {
    imageKeys.push(byPath(imageKeysName, imagePath));
  }
  const resultsKey = results.Key === undefined ? undefined : named(resultsKeyName, results.Key);
  return { model: modelKey, images: imageKeys, legacyImage: legacyKey, results: resultsKey };
}

function requireEntry(secrets: Config["Secret"], where: string, id: string, fail: Fail): string {
  const known = secrets.map((secret) => secret.ID);
  if (known.includes(id)) return id;
  const expected = `the ID of an entry of Secret (${known.join(", ")})`;
  return fail(where, expected, JSON.stringify(id), "Correct the name");
}

function findByPath(secrets: Config["Secret"], where: string, path: string, fail: Fail): string {
  const entry = secrets.find((secret) => secret.LocalPath === path);
  if (entry !== undefined) return entry.ID;
  const expected = `a name, or an entry of Secret whose LocalPath is ${path}`;
  return fail(where, expected, "neither", `Name the secret in ${where}`);
}
