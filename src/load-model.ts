import type { Logger } from "pino";
import type { Config } from "./config/schema.js";
import { startInferenceThread } from "./inference/inference-thread.js";
import type { ModelSession } from "./inference/session.js";
import { downloadAndDecrypt } from "./model/download-and-decrypt.js";
import type { ModelKey } from "./model/format.js";
import type { Manifest } from "./model/manifest.js";
import { hugePageAdviser, tidyMemory } from "./native/process-memory.js";
import { httpClient, type Transport } from "./net/transport.js";
import type { Platform } from "./platform.js";

export interface ModelLoading {
  config: Config;
  platform: Platform;
  log: Logger;
  /** Called when the inference thread fails. */
  onFatal: (error: Error) => void;
  transport: Transport;
  /** Decrypts the model. */
  key: ModelKey;
  manifest: Manifest;
}

export interface LoadedModel {
  session: ModelSession;
  plaintextBytes: number;
}

/** Share of the download between two progress lines of the log. */
const progressStep = 0.1;

/**
 * Downloads and decrypts the model, loads it in the inference thread and tries it out there.
 *
 * @throws BootError
 */
export async function loadModel(options: ModelLoading): Promise<LoadedModel> {
  const start = performance.now();
  const model = await fetchModel(options);
  const plaintextBytes = model.length;
  // Returns the download's memory to the system before the inference thread needs its own.
  await tidyMemory();
  const session = await startSession(model, options);
  logModel(options, plaintextBytes, Math.round(performance.now() - start));
  return { session, plaintextBytes };
}

async function fetchModel({ config, log, transport, key }: ModelLoading) {
  const { Url: url, Sha256: sha256, MaxBytes, DeadlineMs } = config.Inference.Model;
  return downloadAndDecrypt({
    url,
    sha256,
    key,
    http: httpClient(transport),
    maxBytes: MaxBytes,
    onAllocate: await hugePageAdviser(),
    deadlineMs: DeadlineMs,
    onProgress: progressLines(log),
    onRetry: (attempt) => {
      log.warn(attempt, "the download broke off; going on");
    },
  });
}

/** @returns what logs a line at the first bytes, and then whenever another tenth has arrived */
function progressLines(log: Logger) {
  let nextStep = 0;
  return (receivedBytes: number, totalBytes: number | undefined): void => {
    const share = totalBytes === undefined ? 0 : receivedBytes / totalBytes;
    if (share < nextStep) return;
    nextStep = Math.floor(share / progressStep + 1) * progressStep;
    log.info({ receivedBytes, totalBytes }, "downloading the model");
  };
}

async function startSession(
  model: Awaited<ReturnType<typeof fetchModel>>,
  { config, platform, log, onFatal, manifest }: ModelLoading,
): Promise<ModelSession> {
  const { Model: settings, Limits: limits } = config.Inference;
  const session = await startInferenceThread({
    model,
    manifest,
    options: {
      format: settings.Format,
      weights: settings.Weights,
      threads: Math.min(platform.processors, config.MaxAffinityCPUs || platform.processors),
      maxBatch: limits.MaxBatch,
    },
    timeouts: { loadMs: settings.LoadTimeoutMs, runMs: limits.RunTimeoutMs },
    onFailure: onFatal,
  });
  if (session.singlePictureReason !== undefined) {
    log.warn({ reason: session.singlePictureReason }, "the model runs one picture at a time");
  }
  return session;
}

function logModel(
  { config, manifest, log }: ModelLoading,
  plaintextBytes: number,
  tookMs: number,
): void {
  const { Format: format, Weights: weights } = config.Inference.Model;
  const { name, version, labels: names } = manifest;
  const labels = names.length;
  log.info(
    { model: name, version, labels, format, weights, plaintextBytes, tookMs },
    "model loaded",
  );
}
