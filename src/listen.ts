import { createServer, type RequestListener, type ServerOptions } from "node:http";
import type { Logger } from "pino";
import type { ServerAttestation } from "./attestation/proof/server-attestation.js";
import type { Config } from "./config/schema.js";
import type { TlsIdentity } from "./crypto/tls-identity.js";
import { UnavailableError, describeCause } from "./errors.js";
import { createApp } from "./http/app.js";
import { createAttestedServer } from "./http/attested-server.js";
import { createClientLimits, type ClientLimits } from "./http/client-limits.js";
import type { Page } from "./http/page.js";
import { requestKinds } from "./http/request-kinds.js";
import { Connections, type AnyServer, type ConnectionLimits } from "./http/connections.js";
import { UploadReader } from "./http/upload.js";
import { DecodeQueue } from "./image/decode-queue.js";
import { OnnxClassifier } from "./inference/onnx-classifier.js";
import type { ImageKeys } from "./keys/image-keys.js";
import type { Metrics } from "./metrics/metrics.js";
import { metricsListener } from "./metrics/server.js";
import type { ModelSession } from "./inference/session.js";
import type { Platform } from "./platform.js";
import { tryPicture } from "./try-picture.js";
import { version } from "./version.js";

type Limits = Config["Inference"]["Limits"];

export interface ListenOptions {
  config: Config;
  platform: Platform;
  session: ModelSession;
  keys: ImageKeys;
  attestation: ServerAttestation;
  /** The attested key of TLS. Its private half is wiped. */
  tls: TlsIdentity;
  /** The page for browsers. */
  page: Page;
  log: Logger;
  metrics: Metrics;
}

export interface Listener {
  /** Refuses new connections and requests; settles when all pending requests are answered. */
  close(): Promise<void>;
}

/** Time for a client to go on sending after its answer, and for writing the answer to a request that timed out. */
const lingerMs = 2000;

/**
 * Creates the application, tries it with a picture and listens: first on the port for metrics, if there is one, then for
 * requests over TLS, then for those without.
 *
 * @throws ConfigurationError TRIAL_FAILED; UnavailableError LISTEN_FAILED
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { config, metrics, log } = options;
  const { Listen: address, Metrics: metricsAddress, Limits: limits } = config.Inference;
  await tryApart(options);
  const stopping = new AbortController();
  const clientLimits = createClientLimits(config);
  const app = createServerApp(options, clientLimits, () => stopping.signal.aborted);
  const listening: Connections[] = [];
  const close = async (): Promise<void> => {
    stopping.abort();
    await Promise.all(listening.map((connections) => connections.close()));
  };
  const open = async (
    onRequest: RequestListener,
    where: Address,
    server: AnyServer = createServer(timeouts(limits)),
  ): Promise<number> => {
    const connections = new Connections({
      server,
      onRequest,
      limits: connectionLimits(limits),
      trustedProxies: clientLimits.trustedProxies,
    });
    const port = await bind(server, where);
    listening.unshift(connections);
    return port;
  };
  try {
    if (metricsAddress !== undefined) {
      const where = { ...metricsAddress, name: "Inference.Metrics.Port" };
      const metricsPort = await open(metricsListener(metrics), where);
      log.info({ host: metricsAddress.Host, metricsPort }, "metrics");
    }
    const { Host: host, Port: plain, TlsPort: secure } = address;
    const tlsServer = createAttestedServer(options.tls, timeouts(limits));
    const tlsPort =
      secure === undefined
        ? undefined
        : await open(
            app,
            { Host: host, Port: secure, name: "Inference.Listen.TlsPort" },
            tlsServer,
          );
    const port =
      plain === null
        ? undefined
        : await open(app, { Host: host, Port: plain, name: "Inference.Listen.Port" });
    log.info({ host, tlsPort, port }, "listening");
    return { close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Tries a picture with a queue and a classifier apart, so that the metrics of requests do not count it. */
async function tryApart(options: ListenOptions): Promise<void> {
  const classifier = new OnnxClassifier({
    session: options.session,
    maxBatchDelayMs: 0,
    maxQueue: 1,
    onBatch: () => undefined,
    onFault: () => undefined,
  });
  await tryPicture({ decoder: createDecoder(options), classifier });
}

function createServerApp(
  options: ListenOptions,
  clientLimits: ClientLimits,
  isStopping: () => boolean,
): RequestListener {
  const { config, platform, keys, attestation, page, log, metrics } = options;
  const { Images: images, Results: results, Limits: limits } = config.Inference;
  const classifier = createClassifier(options);
  const decoder = createDecoder(options);
  metrics.watchQueues({
    decode: () => decoder.length,
    inference: () => classifier.queueLength,
    attestation: () => attestation.queueLength,
  });
  const app = createApp({
    server: { name: "confml", version },
    platform: platform.name,
    page,
    classifier,
    decoder,
    keys,
    attestation,
    uploads: createUploadReader(config),
    ...clientLimits,
    formats: images.Formats,
    results,
    requestTimeoutMs: limits.RequestTimeoutMs,
    maxPictures: limits.MaxBatch,
    isStopping,
    onStage: (stage, tookMs) => {
      metrics.observeStage(stage, tookMs);
    },
    onRequestStart: () => {
      metrics.requests.start();
    },
    onRequest: ({ tookMs, ...summary }) => {
      metrics.requests.count({ ...summary, tookMs });
      // Health checks arrive every few seconds and would fill the log.
      log[summary.route.startsWith("/v2/health/") ? "debug" : "info"](
        { ...summary, tookMs: Math.round(tookMs) },
        "request",
      );
    },
    onBug: (error) => {
      log.error({ reason: describeCause(error) }, "an error of our own");
    },
  });
  metrics.requests.declare(requestKinds(app, classifier.model));
  return app;
}

function createClassifier({ config, session, log, metrics }: ListenOptions): OnnxClassifier {
  const { Limits: limits } = config.Inference;
  return new OnnxClassifier({
    session,
    maxBatchDelayMs: limits.MaxBatchDelayMs,
    maxQueue: limits.MaxQueue,
    onBatch: (size) => {
      metrics.observeBatch(size);
    },
    onFault: (fault) => {
      log.warn({ fault }, "the model has no answer to a picture");
    },
  });
}

function createDecoder({ config, session }: ListenOptions): DecodeQueue {
  const { Images: images, Limits: limits } = config.Inference;
  return new DecodeQueue({
    preprocessing: session.manifest.preprocessing,
    limits: {
      maxPixels: images.MaxPixels,
      maxWidth: images.MaxWidth,
      maxHeight: images.MaxHeight,
      maxRowBytes: images.MaxRowBytes,
      maxDecodeBytes: images.MaxDecodeBytes,
    },
    maxDecodes: images.MaxDecodes,
    maxDecodeBytesInFlight: images.MaxDecodeBytesInFlight,
    decodeTimeoutMs: images.DecodeTimeoutMs,
    maxQueue: limits.MaxQueue,
  });
}

function createUploadReader({
  Inference: { Images: images, Limits: limits },
}: Config): UploadReader {
  return new UploadReader({
    maxBytes: images.MaxBytes,
    maxBytesInFlight: limits.MaxBytesInFlight,
    maxBytesPerAddress: limits.MaxBytesPerAddress ?? shareOf(limits.MaxBytesInFlight),
    minBytesPerSecond: limits.MinBytesPerSecond,
    graceMs: limits.UploadGraceMs,
  });
}

/** The default limit for one client network: three quarters of the limit for all. */
function shareOf(all: number): number {
  return Math.ceil(all * 0.75);
}

function connectionLimits(limits: Limits): ConnectionLimits {
  return {
    maxConnections: limits.MaxConnections,
    maxConnectionsPerAddress: limits.MaxConnectionsPerAddress ?? shareOf(limits.MaxConnections),
    requestTimeoutMs: limits.RequestTimeoutMs,
    lingerMs,
  };
}

/** Node's own limits. Its `requestTimeout` counts from a request's first byte; Connections' timeout ends an upload earlier. */
function timeouts({
  HeaderTimeoutMs,
  RequestTimeoutMs,
}: Limits): ServerOptions & { headersTimeout: number } {
  return {
    headersTimeout: HeaderTimeoutMs,
    requestTimeout: HeaderTimeoutMs + RequestTimeoutMs,
    // How often Node checks these limits; with its default of 30 s a request could take twice the time.
    connectionsCheckingInterval: Math.min(1000, Math.ceil(HeaderTimeoutMs / 4)),
  };
}

interface Address {
  Host: string;
  Port: number;
  /** The port's name in the configuration. */
  name: string;
}

async function bind(server: AnyServer, { Host: host, Port: port, name }: Address): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(
        new UnavailableError(
          "LISTEN_FAILED",
          {
            doing: `listening on ${host}:${port}`,
            expected: "a free port",
            got: describeCause(cause),
            fix: `Stop what uses it, or set ${name}`,
          },
          { cause },
        ),
      );
    });
    server.listen(port, host, resolve);
  });
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : port;
}
