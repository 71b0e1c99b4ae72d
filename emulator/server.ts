import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer } from "node:https";
import express, { type Express, type RequestHandler } from "express";
import { attestationRoutes } from "./attestation-service.js";
import { azureAdRoutes, createTenant, type Tenant } from "./azure-ad.js";
import { createCertificates, type Certificates } from "./certificates.js";
import { hosts, type ServiceName } from "./hosts.js";
import { managedHsmRoutes } from "./managed-hsm.js";

export interface EmulatorOptions {
  /** The folder that the model host serves. */
  modelsFolder: string;
  /** 0, the default, lets the system choose. */
  port?: number;
  accessTokenLifetimeSeconds?: number;
  attestationTokenLifetimeSeconds?: number;
  /** Run before a service's own handlers: how tests make a service misbehave. */
  interceptors?: Partial<Record<ServiceName, RequestHandler>>;
  onRequest?: (request: RequestRecord) => void;
}

export interface RequestRecord {
  service: string;
  method: string;
  path: string;
  status: number;
  /** Why it was refused, where it was. */
  reason?: string;
}

export interface Emulator {
  port: number;
  caPem: string;
  tenant: Tenant;
  /** Private key of the emulated quoting enclave, PKCS #8 PEM. */
  quotingKeyPem: string;
  certificates: Certificates;
  requests: readonly RequestRecord[];
  close(): Promise<void>;
}

const accessTokenSeconds = 3599;
const attestationTokenSeconds = 8 * 3600;

/** Starts all emulated services on one loopback port, told apart by the host that is asked for. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const certificates = await createCertificates();
  const tenant = createTenant();
  const quotingKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const requests: RequestRecord[] = [];
  const app = createApp(options, { certificates, tenant, quotingKey }, requests);
  const { privateKey, certificatePem } = certificates.tls;
  const server = createServer(
    { key: privateKey.export({ type: "pkcs8", format: "pem" }), cert: certificatePem },
    app,
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address to listen on");
  return {
    port: address.port,
    caPem: certificates.caPem,
    tenant,
    quotingKeyPem: quotingKey.export({ type: "pkcs8", format: "pem" }).toString(),
    certificates,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

interface Parts {
  certificates: Certificates;
  tenant: Tenant;
  quotingKey: KeyObject;
}

function createApp(
  options: EmulatorOptions,
  { certificates, tenant, quotingKey }: Parts,
  requests: RequestRecord[],
): Express {
  const azureAd = { tenant, signer: certificates.tokens };
  const attestation = { signer: certificates.attestation, quotingKey };
  const routes: Record<ServiceName, RequestHandler> = {
    azureAd: azureAdRoutes({
      ...azureAd,
      tokenLifetimeSeconds: options.accessTokenLifetimeSeconds ?? accessTokenSeconds,
    }),
    attestation: attestationRoutes({
      ...attestation,
      tokenLifetimeSeconds: options.attestationTokenLifetimeSeconds ?? attestationTokenSeconds,
    }),
    managedHsm: managedHsmRoutes({ azureAd, attestation, signer: certificates.release }),
    models: express.static(options.modelsFolder, { index: false, redirect: false }),
  };

  const app = express();
  app.disable("x-powered-by");
  app.use((request, response, next) => {
    const service = serviceOf(request.headers.host);
    response.once("finish", () => {
      const reason: unknown = response.locals["reason"];
      const record: RequestRecord = {
        service: service ?? "unknown",
        method: request.method,
        path: request.path,
        status: response.statusCode,
        ...(typeof reason === "string" ? { reason } : {}),
      };
      requests.push(record);
      options.onRequest?.(record);
    });
    if (service === undefined) {
      response.status(421).end();
      return;
    }
    const intercept: RequestHandler =
      options.interceptors?.[service] ??
      ((_request, _response, goOn) => {
        goOn();
      });
    intercept(request, response, (error?: unknown) => {
      if (error === undefined) routes[service](request, response, next);
      else next(error);
    });
  });
  return app;
}

function serviceOf(hostHeader: string | undefined): ServiceName | undefined {
  const host = hostHeader?.replace(/:\d+$/u, "").toLowerCase();
  const names: ServiceName[] = ["azureAd", "attestation", "managedHsm", "models"];
  return names.find((name) => hosts[name] === host);
}
