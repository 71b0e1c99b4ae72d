import type { Logger } from "pino";
import { loadEvidenceProvider } from "./attestation/providers.js";
import { AttestationService } from "./attestation/service.js";
import type { Environment } from "./config/environment.js";
import type { KeyNames } from "./config/key-rules.js";
import type { Config } from "./config/schema.js";
import type { KeyUse } from "./crypto/aes-key.js";
import { BootError, describeFailure } from "./errors.js";
import type { Metrics } from "./metrics/metrics.js";
import type { Transport } from "./net/transport.js";
import { KeyRegister } from "./secrets/key-register.js";
import { MhsmReleaseClient } from "./secrets/mhsm/client.js";
import { ForbiddenReleaseError } from "./secrets/mhsm/public-claims.js";
import { NativeSecretReleaseClient } from "./secrets/native/client.js";
import type { ReleaseOptions } from "./secrets/release.js";

export interface ReleaseWiring {
  config: Config;
  keyNames: KeyNames;
  /** Undefined where no secret uses the built-in client. */
  environment: Environment | undefined;
  insideSgx: boolean;
  transport: Transport;
  log: Logger;
  metrics: Metrics;
  /** A folder that is searched for native client libraries, besides the default library paths. */
  applicationFolder: string;
}

/** Creates the clients of secret release that the configuration names. */
export async function wireRelease(wiring: ReleaseWiring): Promise<ReleaseOptions> {
  const { config, keyNames, environment, insideSgx, log, metrics, applicationFolder } = wiring;
  const native = new NativeSecretReleaseClient({ folder: applicationFolder });
  const mhsm = environment === undefined ? undefined : await createMhsmClient(wiring, environment);
  return {
    clientFor: ({ ClientLib: client }) => (client === "mhsm" && mhsm !== undefined ? mhsm : native),
    insideSgx,
    useOf: ({ ID: id }) => useOf(id, keyNames),
    register: new KeyRegister(),
    deadlineMs: config.Inference.Release.DeadlineMs,
    onReleased: ({ ID: secret, SrsAddress: vault, LocalPath: file }, details) => {
      log.info({ secret, vault, file, ...details }, "key released");
    },
    onRetry: ({ ID: secret }, { number: attempt, ...details }) => {
      metrics.countRetry(secret);
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

function useOf(id: string, { model, images, legacyImage, results }: KeyNames): KeyUse {
  if (id === model || id === legacyImage) return "cbc";
  return images.includes(id) || id === results ? "jwe" : "none";
}

async function createMhsmClient(
  { config, transport }: ReleaseWiring,
  environment: Environment,
): Promise<MhsmReleaseClient> {
  const { Attestation: attestation, Trust: trust, Release: release } = config.Inference;
  const attemptTimeoutMs = release.AttemptTimeoutMs;
  return new MhsmReleaseClient({
    environment,
    evidence: await loadEvidenceProvider(attestation.Evidence, attestation.EvidenceOptions),
    attestationFor: ({ AttestationEndpoint: endpoint = attestation.Endpoint }) =>
      new AttestationService({ endpoint, transport, attemptTimeoutMs }),
    transport,
    authority: trust?.Authority,
    algorithm: release.Wrapping,
    attemptTimeoutMs,
  });
}
