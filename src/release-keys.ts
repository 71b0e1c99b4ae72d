import type { Logger } from "pino";
import type { KeyNames } from "./config/key-rules.js";
import type { Config } from "./config/schema.js";
import type { Metrics } from "./metrics/metrics.js";
import { isModelKey, type ModelKey } from "./model/format.js";
import { ImageKeys } from "./keys/image-keys.js";
import { KeyRefresher } from "./secrets/key-refresher.js";
import type { ReleaseOptions } from "./secrets/release-key.js";
import { releaseAll, type SecretRoles } from "./secrets/release.js";

/**
 * Divides the secrets by what their absence means: those that open uploads may be missing, except all of them; the one
 * that only encrypts answers may be missing; every other one is required.
 */
export function rolesOf(
  { Secret: secrets }: Config,
  { images, legacyImage, results }: KeyNames,
): SecretRoles {
  const opening = [...images, legacyImage];
  const roleOf = ({ ID: id }: Config["Secret"][number]): keyof SecretRoles =>
    opening.includes(id) ? "owners" : id === results ? "optional" : "required";
  const of = (role: keyof SecretRoles) => secrets.filter((entry) => roleOf(entry) === role);
  return { required: of("required"), owners: of("owners"), optional: of("optional") };
}

/** The data owners' secrets, which may be missing and are fetched again. */
export function dataSecrets({ owners, optional }: SecretRoles): Config["Secret"] {
  return [...owners, ...optional];
}

export interface KeyRelease {
  config: Config;
  keyNames: KeyNames;
  roles: SecretRoles;
  release: ReleaseOptions;
}

/**
 * Releases all keys.
 *
 * @returns the model's key, and the data owners' keys, each present or marked as failed
 * @throws BootError if the model's key, or every data owner's key, is missing
 */
export async function releaseKeys({
  config,
  keyNames,
  roles,
  release,
}: KeyRelease): Promise<{ modelKey: ModelKey; keys: ImageKeys }> {
  const released = await releaseAll(roles, release);
  const modelKey = released.get(keyNames.model)?.key;
  if (!isModelKey(modelKey)) throw new Error(`no key was released for ${keyNames.model}`);
  const keys = await ImageKeys.create({
    ids: keyNames.images,
    legacyId: keyNames.legacyImage,
    sealId: keyNames.results,
    graceMs: config.Inference.Release.GraceMs,
  });
  for (const { ID: id } of dataSecrets(roles)) {
    const key = released.get(id);
    if (key === undefined) keys.fail(id);
    else keys.accept(id, key);
  }
  return { modelKey, keys };
}

export interface KeyRefresh {
  config: Config;
  roles: SecretRoles;
  keys: ImageKeys;
  release: ReleaseOptions;
  metrics: Metrics;
  log: Logger;
}

/** Starts to fetch the data owners' keys again every Release.RefreshMs. */
export function refreshKeys(options: KeyRefresh): KeyRefresher {
  const { config, roles, keys, release, metrics, log } = options;
  const refresher = new KeyRefresher({
    secrets: dataSecrets(roles),
    keys,
    // The line "key fetched again" replaces "key released".
    release: { ...release, onReleased: () => undefined },
    intervalMs: config.Inference.Release.RefreshMs,
    onRefreshed: ({ ID: secret }, outcome, version) => {
      metrics.keys.countRefresh(secret, outcome);
      const level = outcome === "unchanged" ? "debug" : "info";
      if (outcome !== "failed") log[level]({ secret, outcome, version }, "key fetched again");
    },
  });
  refresher.start();
  return refresher;
}
