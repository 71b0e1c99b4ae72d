import type { Logger } from "pino";
import type { EvidenceProvider } from "./attestation/evidence.js";
import { AttestationService } from "./attestation/service.js";
import { isSecretClientName, type SecretClientName } from "./config/built-in.js";
import type { Environment } from "./config/environment.js";
import type { KeyNames } from "./config/key-rules.js";
import type { Config } from "./config/schema.js";
import type { KeyUse } from "./crypto/aes-key.js";
import { BootError, describeFailure } from "./errors.js";
import { modelKeyUse } from "./model/format.js";
import { KeyRegister } from "./keys/key-register.js";
import type { Metrics } from "./metrics/metrics.js";
import type { Transport } from "./net/transport.js";
import type { SecretReleaseClient } from "./secrets/client.js";
import { MhsmReleaseClient } from "./secrets/mhsm/client.js";
import { ForbiddenReleaseError } from "./secrets/mhsm/public-claims.js";
import { NativeSecretReleaseClient } from "./secrets/native/client.js";
import type { ReleaseOptions } from "./secrets/release-key.js";

export interface ReleaseWiring {
  config: Config;
  keyNames: KeyNames;
  /** Azure's credentials; undefined if no secret uses the client `mhsm`. */
  environment: Environment | undefined;
  insideSgx: boolean;
  evidence: EvidenceProvider;
  transport: Transport;
  log: Logger;
  metrics: Metrics;
  /** A folder that is searched for native client libraries, in addition to the default library paths. */
  applicationFolder: string;
}

/** The clients that are part of the server, by the `ClientLib` that names them. */
const builtIn: Readonly<Record<SecretClientName, (wiring: ReleaseWiring) => SecretReleaseClient>> =
  {
    mhsm: createMhsmClient,
  };

/** Creates the secret clients that the configuration names. */
export function wireRelease(wiring: ReleaseWiring): ReleaseOptions {
  const { config, keyNames, insideSgx, log, metrics, applicationFolder } = wiring;
  const native = new NativeSecretReleaseClient({ folder: applicationFolder });
  const clients = new Map<string, SecretReleaseClient>();
  for (const name of new Set(config.Secret.map(({ ClientLib: client }) => client))) {
    clients.set(name, isSecretClientName(name) ? builtIn[name](wiring) : native);
  }
  return {
    clientFor: ({ ClientLib: name }) => clients.get(name) ?? native,
    insideSgx,
    useOf: ({ ID: id }) => useOf(id, keyNames, modelKeyUse(config.Inference.Model.Url)),
    register: new KeyRegister(),
    deadlineMs: config.Inference.Release.DeadlineMs,
    onReleased: ({ ID: secret, SrsAddress: vault, LocalPath: file }, details) => {
      log.info({ secret, vault, file, ...details }, "key released");
    },
    onRetry: ({ ID: secret }, { number: attempt, ...details }) => {
      metrics.keys.countRetry(secret);
      log.warn({ secret, attempt, ...details }, "release failed; trying again");
    },
    onFailed: ({ ID: secret, SrsAddress: vault }, error) => {
      const code = error instanceof BootError ? error.code : undefined;
      const fix = error instanceof BootError ? error.failure.fix : undefined;
      const claims = error instanceof ForbiddenReleaseError ? error.claims : undefined;
      const reason = describeFailure(error);
      log.error({ secret, vault, code, reason, fix, claims }, "key not released");
    },
  };
}

function useOf(
  id: string,
  { model, images, legacyImage, results }: KeyNames,
  modelUse: KeyUse,
): KeyUse {
  if (id === model) return modelUse;
  if (id === legacyImage) return "cbc";
  return images.includes(id) || id === results ? "jwe" : "none";
}

function createMhsmClient({
  config,
  environment,
  evidence,
  transport,
}: ReleaseWiring): MhsmReleaseClient {
  if (environment === undefined) throw new Error("the environment was not read for mhsm");
  const { Attestation: attestation, Trust: trust, Release: release } = config.Inference;
  const attemptTimeoutMs = release.AttemptTimeoutMs;
  return new MhsmReleaseClient({
    environment,
    evidence,
    attestationFor: ({ AttestationEndpoint: endpoint = attestation.Endpoint }) =>
      new AttestationService({ endpoint, transport, attemptTimeoutMs }),
    transport,
    authority: trust?.Authority,
    algorithm: release.Wrapping,
    attemptTimeoutMs,
  });
}
