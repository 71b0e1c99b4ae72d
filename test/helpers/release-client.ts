import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import type { RequestHandler } from "express";
import { startEmulator, type Emulator, type EmulatorOptions } from "../../emulator/server.js";
import { importKey } from "../../scripts/demo/owners.js";
import type { EvidenceProvider } from "../../src/attestation/evidence.js";
import { AttestationService } from "../../src/attestation/service.js";
import { readEnvironment, type Environment } from "../../src/config/environment.js";
import type { SecretEntry } from "../../src/config/schema.js";
import type { KeyWrapAlgorithm } from "../../src/crypto/key-unwrap.js";
import type { FailedAttempt, RetryContext } from "../../src/bounds/retry.js";
import { createTransport } from "../../src/net/transport.js";
import { MhsmReleaseClient } from "../../src/secrets/mhsm/client.js";
import { sharedCertificates } from "./certificates.js";
import {
  attestationUrl,
  azureClients,
  mrenclave,
  policyFor,
  quoteOver,
  vaultUrl,
} from "./azure-clients.js";

export const secret: SecretEntry = {
  ID: "ModelKey",
  SrsAddress: vaultUrl,
  SrsApiVersion: "7.3-preview",
  LocalPath: "/model.key",
  ClientLib: "mhsm",
};
export const key = createHash("sha256").update("a key").digest();

export interface Arrangement {
  clientSecret?: string;
  audience?: string;
  /** Replaces the client's secret. */
  federatedTokenFile?: string;
  /** The key in the vault. */
  key?: Buffer;
  /** The enclave's measurement that the key's release policy requires. */
  policyMeasurement?: string;
  reportData?: (data: Uint8Array) => Uint8Array;
  algorithm?: KeyWrapAlgorithm;
  attemptTimeoutMs?: number;
  /** The CA that the client trusts; by default the emulator's. */
  ca?: string;
}

export interface ReleaseScene {
  client: MhsmReleaseClient;
  emulator: Emulator;
  /** The signal of a release without a deadline. */
  context: RetryContext & { retries: FailedAttempt[] };
  close: () => Promise<void>;
}

/** Creates a release client, and an emulator whose vault has its key. Interceptors are active after the key's import. */
export async function setReleaseScene(
  interceptors: EmulatorOptions["interceptors"] = {},
  part: Arrangement = {},
): Promise<ReleaseScene> {
  const intercepting = { on: false };
  const emulator = await startEmulator({
    modelsFolder: tmpdir(),
    certificates: await sharedCertificates(),
    interceptors: onlyWhile(intercepting, interceptors),
  });
  const { agent } = azureClients(emulator);
  const { tenantId, owners } = emulator.tenant;
  await importKey(
    { url: vaultUrl, tenantId, ...owners, agent },
    secret.ID,
    part.key ?? key,
    policyFor(part.policyMeasurement ?? mrenclave),
  );
  intercepting.on = true;

  const transport = createTransport({
    ca: part.ca ?? emulator.caPem,
    connect: `127.0.0.1:${emulator.port}`,
  });
  const attemptTimeoutMs = part.attemptTimeoutMs ?? 10_000;
  const attestation = new AttestationService({
    endpoint: attestationUrl,
    transport,
    attemptTimeoutMs,
  });
  const client = new MhsmReleaseClient({
    environment: environmentOf(emulator, part),
    evidence: quoting(emulator, part),
    attestationFor: () => attestation,
    transport,
    authority: undefined,
    algorithm: part.algorithm ?? "RSA_AES_KEY_WRAP_256",
    attemptTimeoutMs,
  });
  const retries: FailedAttempt[] = [];
  const context = {
    signal: new AbortController().signal,
    onRetry: (attempt: FailedAttempt) => retries.push(attempt),
    retries,
  };
  const close = async (): Promise<void> => {
    agent.destroy();
    transport.agent.destroy();
    await emulator.close();
  };
  return { client, emulator, context, close };
}

function onlyWhile(
  intercepting: { on: boolean },
  interceptors: NonNullable<EmulatorOptions["interceptors"]>,
): NonNullable<EmulatorOptions["interceptors"]> {
  return Object.fromEntries(
    Object.entries(interceptors).map(([service, handler]) => {
      const guarded: RequestHandler = (request, response, next) => {
        if (intercepting.on) void handler(request, response, next);
        else next();
      };
      return [service, guarded];
    }),
  );
}

function environmentOf({ tenant }: Emulator, part: Arrangement): Environment {
  return readEnvironment({
    APP_ID: tenant.tenantId,
    CLIENT_ID: tenant.server.clientId,
    CLIENT_SECRET:
      part.federatedTokenFile === undefined
        ? (part.clientSecret ?? tenant.server.clientSecret)
        : undefined,
    AZURE_FEDERATED_TOKEN_FILE: part.federatedTokenFile,
    MHSM_AAD_URL: part.audience,
  });
}

function quoting(emulator: Emulator, part: Arrangement): EvidenceProvider {
  return {
    collect: (reportData) => {
      const padded = Buffer.alloc(64);
      padded.set(part.reportData?.(reportData) ?? reportData);
      return Promise.resolve({
        type: "SgxEnclave",
        fields: { quote: quoteOver(emulator, Buffer.alloc(0), { reportData: padded }) },
      });
    },
  };
}
