import type { KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Logger } from "pino";
import type { Environment } from "./config/environment.js";
import type { LoadedConfig } from "./config/load.js";
import type { Config } from "./config/schema.js";
import { configWarnings } from "./config/warnings.js";
import { CbcKey } from "./crypto/aes-key.js";
import { ConfigurationError, describeCause, describeFailure } from "./errors.js";
import { configureDecoder } from "./image/decode.js";
import { listen, type Listener } from "./listen.js";
import { Metrics } from "./metrics/metrics.js";
import { downloadAndDecrypt } from "./model/download-and-decrypt.js";
import { loadManifest, type Manifest } from "./model/manifest.js";
import { startInferenceThread } from "./inference/inference-thread.js";
import type { ModelSession } from "./inference/session.js";
import { hugePageAdviser, keepHeap, tidyMemory } from "./native/process-memory.js";
import { createTransport, httpClient, type Transport } from "./net/transport.js";
import type { Platform } from "./platform.js";
import { ImageKeys } from "./secrets/image-keys.js";
import { KeyRefresher } from "./secrets/key-refresher.js";
import { removeKeyFiles } from "./secrets/key-file.js";
import { releaseAll, type ReleaseOptions, type SecretRoles } from "./secrets/release.js";
import { wireRelease } from "./wire-release.js";

export interface BootOptions extends LoadedConfig {
  /** Undefined where no secret is the built-in client's. */
  environment: Environment | undefined;
  platform: Platform;
  log: Logger;
  /** Of the log's lines, how many could not be written. */
  lostLogLines: () => number;
  /** Where native client libraries may lie besides the default library paths. */
  applicationFolder: string;
  /** Serving cannot go on. */
  onFatal: (error: Error) => void;
}

export interface RunningServer {
  port: number;
  /** Answers what has been asked, then ends: keys given up, key files removed. */
  stop(): Promise<void>;
}

/** Progress lines come at steps of so much of the download. */
const progressStep = 0.1;

/**
 * Keys → model → listen, each only after the one before. After a failure nothing listens, and no key
 * is left on a disk.
 *
 * @throws BootError
 */
export async function boot(options: BootOptions): Promise<RunningServer> {
  const { config, log } = options;
  configureDecoder();
  for (const warning of configWarnings(options)) log.warn(warning);
  const manifest = await loadManifest(config.Inference.Model.Manifest);
  const metrics = new Metrics({ unreliable: options.platform.untold });
  metrics.watchLog(options.lostLogLines);
  const transport = await openTransport(config);
  const keyFiles = config.Secret.map(({ LocalPath: path }) => path);
  const undo: (() => Promise<void> | void)[] = [
    () => {
      removeKeyFiles(keyFiles);
    },
  ];
  const stop = (): Promise<void> => doAll(undo.splice(0).reverse());
  try {
    const release = await wireRelease({
      ...options,
      insideSgx: options.platform.name === "mystikos-sgx",
      transport,
      metrics,
    });
    const roles = rolesOf(options);
    const { modelKey, keys } = await releaseKeys(roles, options, release);
    metrics.watchKeys(keys);
    const { session, plaintextBytes } = await loadModel(options, transport, modelKey, manifest);
    metrics.setModelBytes(plaintextBytes);
    undo.push(() => session.release());
    await tidyMemory();
    await keepHeap();
    const listener: Listener = await listen({ ...options, session, keys, metrics });
    const refresher = new KeyRefresher({
      secrets: dataSecrets(roles),
      keys,
      // One line says all.
      release: { ...release, onReleased: () => undefined },
      intervalMs: config.Inference.Release.RefreshMs,
      onRefreshed: ({ ID: secret }, outcome, version) => {
        metrics.countRefresh(secret, outcome);
        const level = outcome === "unchanged" ? "debug" : "info";
        if (outcome !== "failed") log[level]({ secret, outcome, version }, "key fetched again");
      },
    });
    refresher.start();
    undo.push(
      () => refresher.stop(),
      () => listener.close(),
    );
    return { port: listener.port, stop };
  } catch (error) {
    await stop().catch((failure: unknown) => {
      log.error({ reason: describeFailure(failure) }, "not all could be undone");
    });
    throw error;
  } finally {
    // Later connections are made anew.
    transport.agent.destroy();
    log.flush();
  }
}

/** One after the other, whatever fails on the way; the first failure is told at the end. */
async function doAll(steps: readonly (() => Promise<void> | void)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

async function openTransport({ Inference: { Trust: trust } }: Config): Promise<Transport> {
  if (trust === undefined) return createTransport();
  try {
    const ca = await readFile(trust.CaFile, "utf8");
    return createTransport({ ca, connect: trust.Connect });
  } catch (cause) {
    throw new ConfigurationError(
      "CONFIG_INVALID",
      {
        doing: "reading Inference.Trust.CaFile",
        expected: "PEM certificates",
        got: describeCause(cause),
        fix: "Correct the path, or take Inference.Trust out",
      },
      { cause },
    );
  }
}

function rolesOf({
  config,
  keyNames: { images, legacyImage, results },
}: LoadedConfig): SecretRoles {
  const opening = [...images, legacyImage];
  const roleOf = ({ ID: id }: Config["Secret"][number]): keyof SecretRoles =>
    opening.includes(id) ? "owners" : id === results ? "optional" : "required";
  const of = (role: keyof SecretRoles) => config.Secret.filter((entry) => roleOf(entry) === role);
  return { required: of("required"), owners: of("owners"), optional: of("optional") };
}

/** The data owners' secrets, which may be missing and are fetched again. */
function dataSecrets({ owners, optional }: SecretRoles): Config["Secret"] {
  return [...owners, ...optional];
}

async function releaseKeys(
  roles: SecretRoles,
  { config, keyNames }: BootOptions,
  release: ReleaseOptions,
): Promise<{ modelKey: KeyObject; keys: ImageKeys }> {
  const released = await releaseAll(roles, release);
  const modelKey = released.get(keyNames.model)?.key;
  if (!(modelKey instanceof CbcKey)) throw new Error(`no key was released for ${keyNames.model}`);
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
  return { modelKey: modelKey.secret, keys };
}

async function loadModel(
  { config, platform, log, onFatal }: BootOptions,
  transport: Transport,
  key: KeyObject,
  manifest: Manifest,
): Promise<{ session: ModelSession; plaintextBytes: number }> {
  const { Model: model, Limits: limits } = config.Inference;
  const { Url: url, Sha256: sha256, MaxBytes, DeadlineMs } = model;
  const start = performance.now();
  let nextStep = 0;
  const bytes = await downloadAndDecrypt({
    url,
    sha256,
    key,
    http: httpClient(transport),
    maxBytes: MaxBytes,
    onAllocate: await hugePageAdviser(),
    deadlineMs: DeadlineMs,
    onProgress: (receivedBytes, totalBytes) => {
      const share = totalBytes === undefined ? 0 : receivedBytes / totalBytes;
      if (share < nextStep) return;
      nextStep = Math.floor(share / progressStep + 1) * progressStep;
      log.info({ receivedBytes, totalBytes }, "downloading the model");
    },
    onRetry: (attempt) => {
      log.warn(attempt, "the download broke off; going on");
    },
  });
  const plaintextBytes = bytes.length;
  // Before the thread needs memory of its own.
  await tidyMemory();
  const session = await startInferenceThread({
    model: bytes,
    manifest,
    options: {
      format: model.Format,
      weights: model.Weights,
      threads: Math.min(platform.processors, config.MaxAffinityCPUs || platform.processors),
      maxBatch: limits.MaxBatch,
    },
    timeouts: { loadMs: model.LoadTimeoutMs, runMs: limits.RunTimeoutMs },
    onFailure: onFatal,
  });
  if (session.singlePictureReason !== undefined) {
    log.warn({ reason: session.singlePictureReason }, "the model runs one picture at a time");
  }
  const { name, version: modelVersion, labels } = manifest;
  log.info(
    {
      model: name,
      version: modelVersion,
      labels: labels.length,
      format: model.Format,
      weights: model.Weights,
      plaintextBytes,
      tookMs: Math.round(performance.now() - start),
    },
    "model loaded",
  );
  return { session, plaintextBytes };
}
