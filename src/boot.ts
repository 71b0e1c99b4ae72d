import { readFile } from "node:fs/promises";
import type { Logger } from "pino";
import { loadEvidenceProvider } from "./attestation/providers.js";
import type { Environment } from "./config/environment.js";
import type { LoadedConfig } from "./config/load.js";
import type { Config } from "./config/schema.js";
import { configWarnings } from "./config/warnings.js";
import { ConfigurationError, describeCause, describeFailure } from "./errors.js";
import { configureDecoder } from "./image/decode.js";
import { loadPage } from "./http/page.js";
import { listen } from "./listen.js";
import { loadModel } from "./load-model.js";
import { Metrics } from "./metrics/metrics.js";
import { loadManifest } from "./model/manifest.js";
import { keepHeap, tidyMemory } from "./native/process-memory.js";
import { createTransport, type Transport } from "./net/transport.js";
import type { Platform } from "./platform.js";
import { dataSecrets, refreshKeys, releaseKeys, rolesOf } from "./release-keys.js";
import { removeKeyFiles } from "./secrets/key-file.js";
import { version } from "./version.js";
import { wireAttestation } from "./wire-attestation.js";
import { wireRelease } from "./wire-release.js";

export interface BootOptions extends LoadedConfig {
  /** Azure's credentials; undefined if no secret uses the client `mhsm`. */
  environment: Environment | undefined;
  platform: Platform;
  log: Logger;
  /** @returns the number of log lines that could not be written */
  lostLogLines: () => number;
  /** A folder that is searched for native client libraries, besides the default library paths. */
  applicationFolder: string;
  /** Called when the inference thread fails: no request can be answered any more. */
  onFatal: (error: Error) => void;
}

export interface RunningServer {
  /** Answers pending requests, then stops fetching keys, releases the model and removes the key files. */
  stop(): Promise<void>;
}

/** What undoes one step of the boot. */
type Undo = () => Promise<void> | void;

/**
 * Boots the server: keys → model and its trial → listen, each only after the one before. After a failure it does not
 * listen, and no key file is left.
 *
 * @throws BootError
 */
export async function boot(options: BootOptions): Promise<RunningServer> {
  const { config, log } = options;
  configureDecoder();
  for (const warning of configWarnings(options)) log.warn(warning);
  const manifest = await loadManifest(config.Inference.Model.Manifest);
  const page = await loadPage();
  const metrics = new Metrics({ unreliable: options.platform.unreported });
  metrics.setBuild({ version, platform: options.platform.name });
  metrics.watchLog(options.lostLogLines);
  const transport = await openTransport(config);
  const undo: Undo[] = [
    () => {
      removeKeyFiles(config.Secret.map((secret) => secret.LocalPath));
    },
  ];
  const stop = (): Promise<void> => runAll(undo.splice(0).reverse());
  try {
    const { environment, keyNames, platform, applicationFolder, onFatal } = options;
    const insideSgx = platform.name === "mystikos-sgx";
    const { Evidence: provider, EvidenceOptions: providerOptions } = config.Inference.Attestation;
    const evidence = await loadEvidenceProvider(provider, providerOptions);
    const wiring = { config, keyNames, environment, insideSgx, evidence, transport, log, metrics };
    const release = wireRelease({ ...wiring, applicationFolder });
    const roles = rolesOf(config, keyNames);
    metrics.keys.declare({ all: idsOf(config.Secret), refreshed: idsOf(dataSecrets(roles)) });
    const { modelKey, keys } = await releaseKeys({ config, keyNames, roles, release });
    metrics.keys.watch(keys);
    const { sha256: configSha256 } = options;
    const proof = await wireAttestation({
      config,
      configSha256,
      manifest,
      evidence,
      transport,
      log,
    });
    undo.push(proof.stop);
    // While the model loads, so that the boot takes no longer.
    void proof.attestation.prepare();
    const loading = { config, platform, log, onFatal, transport, key: modelKey, manifest };
    const { session, plaintextBytes } = await loadModel(loading);
    const { Sha256: sha256 } = config.Inference.Model;
    const { name, version: modelVersion } = manifest;
    metrics.setModel({ name, version: modelVersion, sha256, bytes: plaintextBytes });
    undo.push(() => session.release());
    await tidyMemory();
    await keepHeap();
    const { attestation, tls } = proof;
    const serving = { session, keys, attestation, tls, page };
    const listener = await listen({ config, platform, log, metrics, ...serving });
    const refresher = refreshKeys({ config, roles, keys, release, metrics, log });
    undo.push(
      () => refresher.stop(),
      () => listener.close(),
    );
    return { stop };
  } catch (error) {
    await stop().catch((failure: unknown) => {
      log.error({ reason: describeFailure(failure) }, "not all could be undone");
    });
    throw error;
  } finally {
    // Closes the idle connections; later requests open new ones.
    transport.agent.destroy();
    log.flush();
  }
}

function idsOf(secrets: Config["Secret"]): string[] {
  return secrets.map((secret) => secret.ID);
}

/**
 * Runs every step, in order, even if one before it failed.
 *
 * @throws the first step's error that failed
 */
async function runAll(steps: readonly Undo[]): Promise<void> {
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
