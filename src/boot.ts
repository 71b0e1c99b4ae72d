import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:http";
import axios from "axios";
import type { Logger } from "pino";
import { loadEvidenceProvider } from "./attestation/providers.js";
import { AttestationService } from "./attestation/service.js";
import type { Environment } from "./config/environment.js";
import type { LoadedConfig } from "./config/load.js";
import type { Config } from "./config/schema.js";
import { ConfigurationError, UnavailableError, describeCause } from "./errors.js";
import { createApp } from "./http/app.js";
import { UploadReader } from "./http/upload.js";
import { DecodeQueue } from "./image/decode-queue.js";
import { configureDecoder } from "./image/decode.js";
import { OnnxClassifier } from "./inference/onnx-classifier.js";
import { fetchModel } from "./model/fetch.js";
import { loadManifest } from "./model/manifest.js";
import { createModelSession, type ModelSession } from "./model/session.js";
import { createTransport, type Transport } from "./net/transport.js";
import { ImageKeys } from "./secrets/image-keys.js";
import { MhsmReleaseClient } from "./secrets/mhsm/client.js";
import { createCredential } from "./secrets/mhsm/credential.js";
import { NativeSecretReleaseClient } from "./secrets/native-client.js";
import { releaseSecrets, removeKeyFiles, wipeKeys, type KeyRing } from "./secrets/release.js";
import { version } from "./version.js";

export interface BootOptions extends LoadedConfig {
  environment: Environment;
  insideSgx: boolean;
  log: Logger;
}

export interface RunningServer {
  port: number;
  /** Answers what has been asked, then ends: keys wiped, key files removed. */
  stop(): Promise<void>;
}

/** Progress lines come at steps of so much of the download. */
const progressStep = 0.1;

/**
 * Keys → model → listen, each only after the one before. After a failure nothing listens, and no key
 * is left in memory or on a disk.
 *
 * @throws BootError
 */
export async function boot(options: BootOptions): Promise<RunningServer> {
  const { config, log } = options;
  configureDecoder();
  const manifest = await loadManifest(config.Inference.Model.Manifest);
  const transport = await openTransport(config);
  const keys = await releaseKeys(options, transport);
  let session: ModelSession | undefined;
  try {
    session = await loadModel(options, transport, keys, manifest);
    const server = await listen(options, session, keys);
    return { port: server.port, stop: () => stop(server, session, keys, config) };
  } catch (error) {
    await session?.release();
    wipeKeys(keys);
    await removeKeyFiles(config.Secret);
    throw error;
  } finally {
    transport.agent.destroy();
    log.flush();
  }
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

async function releaseKeys(options: BootOptions, transport: Transport): Promise<KeyRing> {
  const { config, environment, insideSgx, log } = options;
  const { Attestation: attestation, Trust: trust, Release: release } = config.Inference;
  const authority = trust?.Authority;
  const mhsm = new MhsmReleaseClient({
    transport,
    evidence: await loadEvidenceProvider(attestation.Evidence, attestation.EvidenceOptions),
    attestation: new AttestationService({
      endpoint: attestation.Endpoint,
      http: httpClient(transport),
      onRetry: (attempt) => {
        log.warn(attempt, "attestation failed; trying again");
      },
    }),
    credential: createCredential({
      tenantId: environment.tenantId,
      clientId: environment.clientId,
      clientSecret: environment.clientSecret,
      transport,
      ...(authority === undefined ? {} : { authority }),
      ...(environment.audience === undefined ? {} : { audience: environment.audience }),
    }),
  });
  const native = new NativeSecretReleaseClient();
  return releaseSecrets({
    secrets: config.Secret,
    clientFor: (secret) => (secret.ClientLib === "mhsm" ? mhsm : native),
    insideSgx,
    deadlineMs: release.DeadlineMs,
    onReleased: ({ ID: secret, SrsAddress: vault, LocalPath: file }, source, tookMs) => {
      log.info({ secret, vault, file, source, tookMs }, "key released");
    },
  });
}

async function loadModel(
  { config, keyNames, log }: BootOptions,
  transport: Transport,
  keys: KeyRing,
  manifest: Parameters<typeof createModelSession>[1],
): Promise<ModelSession> {
  const { Url: url, Sha256: sha256, MaxBytes, DeadlineMs } = config.Inference.Model;
  const key = keys.get(keyNames.model)?.key;
  if (key === undefined) throw new Error(`no key was released for ${keyNames.model}`);
  const start = performance.now();
  let nextStep = 0;
  const bytes = await fetchModel({
    url,
    sha256,
    key,
    http: httpClient(transport),
    maxBytes: MaxBytes,
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
  const session = await createModelSession(bytes, manifest);
  const { name, version: modelVersion, labels } = manifest;
  log.info(
    {
      model: name,
      version: modelVersion,
      labels: labels.length,
      plaintextBytes: bytes.length,
      tookMs: Math.round(performance.now() - start),
    },
    "model loaded",
  );
  // The session has its own copy.
  bytes.fill(0);
  return session;
}

interface Listener {
  http: Server;
  port: number;
  /** From now on nothing new is taken. */
  refuseRequests: () => void;
}

async function listen(
  { config, keyNames, insideSgx, log }: BootOptions,
  session: ModelSession,
  keys: KeyRing,
): Promise<Listener> {
  const { Listen: address, Images: images, Results: results, Limits: limits } = config.Inference;
  let stopping = false;
  const app = createApp({
    server: { name: "confml", version },
    insideSgx,
    classifier: new OnnxClassifier({
      session,
      maxBatch: limits.MaxBatch,
      maxBatchDelayMs: limits.MaxBatchDelayMs,
      maxQueue: limits.MaxQueue,
    }),
    decoder: new DecodeQueue({
      preprocessing: session.manifest.preprocessing,
      maxPixels: images.MaxPixels,
      maxDecodes: images.MaxDecodes,
      maxQueue: limits.MaxQueue,
    }),
    keys: new ImageKeys(keys, keyNames),
    uploads: new UploadReader({
      maxBytes: images.MaxBytes,
      maxBytesInFlight: limits.MaxBytesInFlight,
    }),
    formats: images.Formats,
    results,
    requestTimeoutMs: limits.RequestTimeoutMs,
    isStopping: () => stopping,
    onRequest: (summary) => {
      log.info(summary, "request");
    },
    onBug: (error) => {
      log.error({ reason: describeCause(error) }, "an error of our own");
    },
  });
  const http = createServer({ requestTimeout: limits.RequestTimeoutMs }, app);
  await new Promise<void>((resolve, reject) => {
    http.once("error", (cause) => {
      reject(
        new UnavailableError(
          "LISTEN_FAILED",
          {
            doing: `listening on ${address.Host}:${address.Port}`,
            expected: "a free port",
            got: describeCause(cause),
            fix: "Stop what uses it, or set Inference.Listen.Port",
          },
          { cause },
        ),
      );
    });
    http.listen(address.Port, address.Host, resolve);
  });
  const port = portOf(http.address()) ?? address.Port;
  log.info({ host: address.Host, port }, "listening");
  return {
    http,
    port,
    refuseRequests: () => {
      stopping = true;
    },
  };
}

async function stop(
  { http, refuseRequests }: Listener,
  session: ModelSession | undefined,
  keys: KeyRing,
  config: Config,
): Promise<void> {
  refuseRequests();
  await new Promise((resolve) => {
    http.close(resolve);
    http.closeIdleConnections();
  });
  await session?.release();
  wipeKeys(keys);
  await removeKeyFiles(config.Secret);
}

/** No proxy of the host's: where connections go is the configuration's to say. */
function httpClient({ agent }: Transport) {
  return axios.create({ httpsAgent: agent, proxy: false, beforeRedirect: refusePlainRedirect });
}

function refusePlainRedirect(options: Record<string, unknown>): void {
  if (options["protocol"] !== "https:") throw new Error("a redirect away from https");
}

function portOf(address: AddressInfo | string | null): number | undefined {
  return typeof address === "object" && address !== null ? address.port : undefined;
}
