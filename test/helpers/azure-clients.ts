import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import type { Agent } from "node:https";
import { ClientSecretCredential } from "@azure/identity";
import { KeyClient } from "@azure/keyvault-keys";
import axios, { type AxiosInstance } from "axios";
import { hosts } from "../../emulator/hosts.js";
import type { Emulator } from "../../emulator/server.js";
import { createQuote, type EnclaveReport } from "../../emulator/sgx-quote.js";
import { createTransport } from "../../src/net/transport.js";

export const vaultUrl = `https://${hosts.managedHsm}`;
export const attestationUrl = `https://${hosts.attestation}`;

/** The unmodified Azure packages and a plain HTTP client, connected to an emulator. */
export interface AzureClients {
  agent: Agent;
  http: AxiosInstance;
  keyClient: (role: "owners" | "server") => KeyClient;
  credential: (role: "owners" | "server", secret?: string) => ClientSecretCredential;
}

export function azureClients({ port, caPem, tenant }: Emulator): AzureClients {
  const { agent } = createTransport({ ca: caPem, connect: `127.0.0.1:${port}` });
  const viaAgent = { agent };
  const credential: AzureClients["credential"] = (role, secret) =>
    new ClientSecretCredential(
      tenant.tenantId,
      tenant[role].clientId,
      secret ?? tenant[role].clientSecret,
      { disableInstanceDiscovery: true, ...viaAgent },
    );
  return {
    agent,
    http: axios.create({ httpsAgent: agent, proxy: false, validateStatus: () => true }),
    credential,
    keyClient: (role) =>
      new KeyClient(vaultUrl, credential(role), { retryOptions: { maxRetries: 0 }, ...viaAgent }),
  };
}

export interface RuntimeKey {
  privateKey: KeyObject;
  kid: string;
  /** JSON that contains the public key. */
  data: Buffer;
}

export function runtimeKey(kid = "runtime-key"): RuntimeKey {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwk = { ...publicKey.export({ format: "jwk" }), kid, use: "enc" };
  return { privateKey, kid, data: Buffer.from(JSON.stringify({ keys: [jwk] })) };
}

export const mrenclave = "ab".repeat(32);

/** Creates a quote over runtime data, as the emulated evidence provider does. */
export function quoteOver(
  { sgxPlatform }: Emulator,
  data: Uint8Array,
  change: Partial<EnclaveReport> = {},
): Buffer {
  const reportData = Buffer.alloc(64);
  createHash("sha256").update(data).digest().copy(reportData);
  return createQuote(
    {
      mrenclave: Buffer.from(mrenclave, "hex"),
      mrsigner: Buffer.alloc(32, 2),
      productId: 1,
      securityVersion: 1,
      debuggable: true,
      reportData,
      ...change,
    },
    sgxPlatform.quotingKeyPem,
  );
}

/** `POST /attest/SgxEnclave` */
export async function attest(
  { http }: AzureClients,
  quote: Uint8Array,
  runtimeData: Uint8Array,
): Promise<{ status: number; token: string; code: string }> {
  const response = await http.post<{ token?: string; error?: { code: string } }>(
    `${attestationUrl}/attest/SgxEnclave?api-version=2022-08-01`,
    {
      quote: Buffer.from(quote).toString("base64url"),
      runtimeData: { data: Buffer.from(runtimeData).toString("base64url"), dataType: "JSON" },
    },
  );
  const { token = "", error } = response.data;
  return { status: response.status, token, code: error?.code ?? "" };
}

export function policyFor(measurement: string, authority = attestationUrl): object {
  return {
    version: "1.0.0",
    anyOf: [{ authority, allOf: [{ claim: "x-ms-sgx-mrenclave", equals: measurement }] }],
  };
}
