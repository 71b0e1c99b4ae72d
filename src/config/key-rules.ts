import { posix } from "node:path";
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

/** Ends the resolution with a CONFIG_INVALID that names the key `where` of the configuration. */
export type Fail = (where: string, expected: string, got: string, fix: string) => never;

/** How two entries' values are compared: vaults ignore the case of names, and one file has many paths. */
const identities = {
  ID: (id: string) => id.toLowerCase(),
  LocalPath: (path: string) => posix.normalize(path),
} as const;

export const imageKeysName = "Inference.Images.Keys";
export const legacyKeyName = "Inference.Images.LegacyKey";
export const resultsKeyName = "Inference.Results.Key";

const whyJweIsSeparate =
  "a JWE secret that is not the LegacyKey: nothing authenticates .encrypted uploads, and their plaintext is answered, " +
  "so whoever may upload can decrypt with that key what it likes, JWE content keys included (one key, one use)";

/** No two entries of Secret have the same ID or LocalPath. */
export function requireDistinctEntries(secrets: Config["Secret"], fail: Fail): void {
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

/** No JWE secret, of uploads or of answers, is the LegacyKey. */
export function requireSeparateJweKeys(
  { Inference: { Images: images } }: Config,
  { images: imageKeys, legacyImage: legacyKey, results: resultsKey }: KeyNames,
  fail: Fail,
): void {
  if (legacyKey === undefined) return;
  if (imageKeys.includes(legacyKey)) {
    const quoted = JSON.stringify(legacyKey);
    const got = images.Keys === undefined ? `nothing, and ${quoted} is the LegacyKey` : quoted;
    const orTakeOut = images.Formats.includes("encrypted")
      ? "encrypted out of Inference.Images.Formats"
      : "Inference.Images.LegacyKey out";
    const fix = `Name a secret of its own for JWE in ${imageKeysName}, or take ${orTakeOut}`;
    fail(imageKeysName, whyJweIsSeparate, got, fix);
  }
  if (resultsKey === legacyKey) {
    const fix = `Name another secret in ${resultsKeyName}, or take it out`;
    fail(resultsKeyName, whyJweIsSeparate, JSON.stringify(resultsKey), fix);
  }
}

/** Answers to `.encrypted` uploads are encrypted under a key of the owner of the uploads. */
export function requireOneOwner(
  { Secret: secrets }: Config,
  { legacyImage: legacyKey, results: resultsKey }: KeyNames,
  fail: Fail,
): void {
  if (resultsKey === undefined || legacyKey === undefined) return;
  const ownerOf = (id: string): string => {
    const entry = secrets.find((secret) => secret.ID === id);
    return JSON.stringify([entry?.SrsAddress.toLowerCase(), entry?.Tenant?.toLowerCase()]);
  };
  if (ownerOf(resultsKey) === ownerOf(legacyKey)) return;
  const wanted = `a secret of the same SrsAddress and Tenant as ${JSON.stringify(legacyKey)}`;
  const expected = `${wanted}, whose answers it encrypts`;
  fail(resultsKeyName, expected, JSON.stringify(resultsKey), "Name a secret of the same owner");
}

/** No data owner's secret is the model's. */
export function requireSeparateModelKey(
  { model: modelKey, images: imageKeys, legacyImage: legacyKey, results: resultsKey }: KeyNames,
  fail: Fail,
): void {
  for (const [where, ids] of [
    [imageKeysName, imageKeys],
    [legacyKeyName, [legacyKey]],
    [resultsKeyName, [resultsKey]],
  ] as const) {
    if (!ids.includes(modelKey)) continue;
    const fix = "Give each owner a key of its own";
    fail(where, "a secret other than the model's", JSON.stringify(modelKey), fix);
  }
}

/** Results.Encrypt "always" needs a key for the answers to `.encrypted` uploads. */
export function requireResultsKey(
  { Inference: { Images: images, Results: results } }: Config,
  { results: resultsKey }: KeyNames,
  fail: Fail,
): void {
  if (resultsKey !== undefined || results.Encrypt !== "always") return;
  if (!images.Formats.includes("encrypted")) return;
  const expected =
    'the JWE secret that answers to .encrypted uploads are encrypted under, as Results.Encrypt is "always"';
  fail(resultsKeyName, expected, "nothing", "Name a JWE secret of the same owner");
}
