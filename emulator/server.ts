import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer } from "node:https";
import express, { type Express, type RequestHandler } from "express";
import { attestationRoutes } from "./attestation-service.js";
import { azureAdRoutes, createTenant, podToken, type Tenant } from "./azure-ad.js";
import { createCertificates, type Certificates } from "./certificates.js";
import { hosts, type ServiceName } from "./hosts.js";
import { managedHsmRoutes } from "./managed-hsm.js";
import { createSgxPlatform, type SgxPlatform } from "./sgx-platform.js";

export interface EmulatorOptions {
  /** The folder that the model host serves. */
  modelsFolder: string;
  /** Port of all services; 0, the default, chooses a free one. */
  port?: number;
  /** Certificates of an earlier emulator. By default new ones are created, which takes half a second. */
  certificates?: Certificates;
  accessTokenLifetimeSeconds?: number;
  attestationTokenLifetimeSeconds?: number;
  /** Handlers that run before a service's own: tests use them to make a service fail. */
  interceptors?: Partial<Record<ServiceName, RequestHandler>>;
  onRequest?: (request: RequestRecord) => void;
}

export interface RequestRecord {
  service: string;
  method: string;
  path: string;
  status: number;
  /** Why the request was refused. */
  reason?: string;
}

export interface Emulator {
  port: number;
  caPem: string;
  tenant: Tenant;
  /** The tenant of the second data owner, whose vault is `otherManagedHsm`. */
  otherTenant: Tenant;
  /** The emulated machine: its quoting key, its root, its collateral. */
  sgxPlatform: SgxPlatform;
  certificates: Certificates;
  /** Issues a service account token of the server's pod, for workload identity. */
  podToken(): Promise<string>;
  /** All requests so far. */
  requests: readonly RequestRecord[];
  close(): Promise<void>;
}

const serviceNames: readonly ServiceName[] = [
  "azureAd",
  "attestation",
  "managedHsm",
  "otherAttestation",
  "otherManagedHsm",
  "models",
];
const accessTokenSeconds = 3599;
const attestationTokenSeconds = 8 * 3600;

/** Starts all emulated services on one port of loopback. The host name of a request selects the service. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const certificates = options.certificates ?? (await createCertificates());
  const tenant = createTenant();
  const otherTenant = createTenant(tenant.server);
  const sgxPlatform = await createSgxPlatform();
  const clusterKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const requests: RequestRecord[] = [];
  const app = createApp(
    options,
    { certificates, tenant, otherTenant, sgxPlatform, clusterKey },
    requests,
  );
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
    otherTenant,
    sgxPlatform,
    certificates,
    podToken: () => podToken(clusterKey),
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
  otherTenant: Tenant;
  sgxPlatform: SgxPlatform;
  clusterKey: KeyObject;
}

function createApp(
  options: EmulatorOptions,
  { certificates, tenant, otherTenant, sgxPlatform, clusterKey }: Parts,
  requests: RequestRecord[],
): Express {
  const azureAd = { signer: certificates.tokens };
  const authority = { host: hosts.attestation, signer: certificates.attestation };
  const otherAuthority = { host: hosts.otherAttestation, signer: certificates.otherAttestation };
  const authorities = [authority, otherAuthority];
  const attesting = {
    quotingKeyPem: sgxPlatform.quotingKeyPem,
    tokenLifetimeSeconds: options.attestationTokenLifetimeSeconds ?? attestationTokenSeconds,
  };
  const routes: Record<ServiceName, RequestHandler> = {
    azureAd: azureAdRoutes({
      ...azureAd,
      tenants: [tenant, otherTenant],
      clusterKey,
      tokenLifetimeSeconds: options.accessTokenLifetimeSeconds ?? accessTokenSeconds,
    }),
    attestation: attestationRoutes({ ...authority, ...attesting }),
    otherAttestation: attestationRoutes({ ...otherAuthority, ...attesting }),
    managedHsm: managedHsmRoutes({
      azureAd,
      authorities,
      host: hosts.managedHsm,
      tenant,
      signer: certificates.release,
    }),
    otherManagedHsm: managedHsmRoutes({
      azureAd,
      authorities,
      host: hosts.otherManagedHsm,
      tenant: otherTenant,
      signer: certificates.otherRelease,
    }),
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
  return serviceNames.find((name) => hosts[name] === host);
}
