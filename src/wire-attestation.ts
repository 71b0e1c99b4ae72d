import type { Logger } from "pino";
import { createBootKeys } from "./attestation/proof/boot-keys.js";
import { fetchCollateral } from "./attestation/proof/collateral.js";
import { CollateralCache } from "./attestation/proof/collateral-cache.js";
import { ServerAttestation } from "./attestation/proof/server-attestation.js";
import type { EvidenceProvider } from "./attestation/evidence.js";
import type { Config } from "./config/schema.js";
import type { TlsIdentity } from "./crypto/tls-identity.js";
import type { Manifest } from "./model/manifest.js";
import type { Transport } from "./net/transport.js";
import { version } from "./version.js";

export interface AttestationWiring {
  config: Config;
  /** SHA-256 of config.json. */
  configSha256: string;
  manifest: Manifest;
  evidence: EvidenceProvider;
  transport: Transport;
  log: Logger;
}

export interface WiredAttestation {
  attestation: ServerAttestation;
  tls: TlsIdentity;
  /** Ends requests for collateral. */
  stop: () => void;
}

/** Time for one request for collateral. Clients wait for it, at most once a minute. */
const collateralTimeoutMs = 10_000;

/** Makes the attested keys of this boot, and connects what proves them to clients. */
export async function wireAttestation(wiring: AttestationWiring): Promise<WiredAttestation> {
  const { config, configSha256, manifest, evidence, log } = wiring;
  const { Attestation: settings, Model: model } = config.Inference;
  const keys = await createBootKeys();
  const stopping = new AbortController();
  const collateral = createCollateralCache(wiring, stopping.signal);
  const attestation = new ServerAttestation({
    provider: evidence,
    facts: {
      keys,
      config: configSha256,
      model: {
        ...{ name: manifest.name, version: manifest.version },
        sha256: model.Sha256.toLowerCase(),
      },
      version,
    },
    collateralFor: (one) => collateral.collateralFor(one),
    cacheMs: settings.CacheMs,
    maxQueue: settings.MaxQueue,
    onUnavailable: (reason) => {
      log.warn({ reason }, "no evidence for clients");
    },
  });
  return {
    attestation,
    tls: keys.tls,
    stop: () => {
      stopping.abort();
    },
  };
}

function createCollateralCache(
  { config, transport, log }: AttestationWiring,
  signal: AbortSignal,
): CollateralCache {
  const { Collateral: origin } = config.Inference.Attestation;
  const source = { transport, origin, signal, timeoutMs: collateralTimeoutMs };
  return new CollateralCache({
    fetch: origin === "none" ? undefined : (evidence) => fetchCollateral(evidence, source),
    onFailure: (reason) => {
      log.warn({ reason, origin }, "no collateral; evidence goes without, or with older one");
    },
  });
}
