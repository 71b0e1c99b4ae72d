import {
  AzureCliCredential,
  ClientSecretCredential,
  type ClientSecretCredentialOptions,
  type TokenCredential,
} from "@azure/identity";
import {
  CryptographyClient,
  KeyClient,
  type KeyClientOptions,
  type KeyProperties,
  type KeyVaultKey,
} from "@azure/keyvault-keys";
import { createTransport, type Transport } from "../../src/net/transport.js";
import { AzureError, AzureSession } from "../../src/secrets/mhsm/azure-session.js";
import { maxTextBytes, readInput } from "../io/input.js";
import { httpsOrigin, required } from "../options.js";
import { UsageError } from "../usage.js";
import { explainVaultFailure, type Login } from "./vault-failure.js";

/** The options of commands that use a vault. */
export const vaultOptions = {
  vault: { type: "string" },
  "api-version": { type: "string", default: "7.4" },
  "ca-file": { type: "string" },
  connect: { type: "string" },
} as const;

export interface VaultValues {
  vault?: string | undefined;
  "api-version": string;
  "ca-file"?: string | undefined;
  connect?: string | undefined;
}

const attemptTimeoutMs = 20_000;
const azTimeoutMs = 30_000;

export interface OwnersVaultOptions {
  /** Without a slash at the end. */
  url: string;
  apiVersion: string;
  transport: Transport;
  /** May contain AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET. */
  environment: NodeJS.ProcessEnv;
}

/** A vault with the rights of the owner of its keys. Every method throws CommandError if Azure refuses or fails. */
export class OwnersVault {
  readonly url: string;
  readonly #transport: Transport;
  readonly #session: AzureSession;
  readonly #login: Login;
  readonly #client: KeyClient;
  readonly #cryptographyOf: (keyId: string) => CryptographyClient;

  constructor({ url, apiVersion, transport, environment }: OwnersVaultOptions) {
    this.url = url;
    this.#transport = transport;
    const { signal } = new AbortController();
    this.#session = new AzureSession({ transport, signal, attemptTimeoutMs });
    const { login, credential } = createCredential(environment, this.#session);
    this.#login = login;
    const options: KeyClientOptions = this.#session.clientOptions("vault");
    // The SDK's type allows only the versions it was tested with; the service accepts others.
    Object.assign(options, { serviceVersion: apiVersion });
    this.#client = new KeyClient(url, credential, options);
    this.#cryptographyOf = (keyId) => new CryptographyClient(keyId, credential, options);
  }

  /**
   * @param version default: the newest
   * @returns undefined if there is no such key
   */
  async find(name: string, version?: string): Promise<KeyVaultKey | undefined> {
    const key = this.#session.run(() =>
      this.#client.getKey(name, version === undefined ? {} : { version }),
    );
    return this.#explained("look up", name, undefinedAt(404, key));
  }

  /**
   * Imports a key, which the vault releases only under its policy.
   *
   * @param bytes 32 bytes
   * @param policy JSON
   */
  async import(name: string, bytes: Uint8Array, policy: string): Promise<KeyVaultKey> {
    const key = this.#session.run(() =>
      this.#client.importKey(
        name,
        { kty: "oct-HSM", k: bytes, keyOps: ["encrypt", "decrypt"] },
        {
          hardwareProtected: true,
          exportable: true,
          releasePolicy: { encodedPolicy: Buffer.from(policy) },
        },
      ),
    );
    return this.#explained("import", name, key);
  }

  /** Every enabled version of every key. */
  async *versions(): AsyncGenerator<{ id: string; name: string }> {
    const keys = this.#client.listPropertiesOfKeys();
    for await (const { name } of this.#listed(keys)) {
      const versions = this.#client.listPropertiesOfKeyVersions(name);
      for await (const { id, enabled } of this.#listed(versions)) {
        if (id !== undefined && enabled !== false) yield { id, name };
      }
    }
  }

  /**
   * Has the vault encrypt a block under one of its keys (AES-256-CBC without padding).
   *
   * @param id of the key, with its version
   * @param iv 16 bytes
   * @param block 16 bytes
   * @returns undefined for a key that is not one of AES-256
   */
  async encryptBlock(
    { id, name }: { id: string; name: string },
    iv: Uint8Array,
    block: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    const encrypted = this.#session.run(() =>
      this.#cryptographyOf(id).encrypt({ algorithm: "A256CBC", plaintext: block, iv }),
    );
    return (await this.#explained("encrypt with", name, undefinedAt(400, encrypted)))?.result;
  }

  close(): void {
    this.#transport.agent.destroy();
  }

  async *#listed(properties: AsyncIterable<KeyProperties>): AsyncGenerator<KeyProperties> {
    const iterator = properties[Symbol.asyncIterator]();
    for (;;) {
      const page = this.#session.run(() => iterator.next());
      const next = await this.#explained("list", "the keys", page);
      if (next.done === true) return;
      yield next.value;
    }
  }

  /** @throws CommandError where the operation fails */
  async #explained<T>(verb: string, keyName: string, operation: Promise<T>): Promise<T> {
    try {
      return await operation;
    } catch (error) {
      if (!(error instanceof AzureError)) throw error;
      const { cause, last } = error;
      const doing = `${verb} ${keyName}`;
      const [vaultUrl, login] = [this.url, this.#login];
      throw explainVaultFailure({ cause, last, doing, keyName, vaultUrl, login });
    }
  }
}

/**
 * @throws UsageError; Error for a CA file that cannot be used
 */
export async function openVault(
  values: VaultValues,
  environment: NodeJS.ProcessEnv,
): Promise<OwnersVault> {
  const url = httpsOrigin(required(values.vault, "vault"), "vault");
  const apiVersion = values["api-version"];
  if (!/^[0-9A-Za-z.-]+$/u.test(apiVersion)) {
    throw new UsageError("--api-version wants a version such as 7.4");
  }
  const { connect, "ca-file": caFile } = values;
  const [, port] = /^.+:(\d{1,5})$/u.exec(connect ?? "host:0") ?? [];
  if (port === undefined || Number(port) > 65_535)
    throw new UsageError("--connect wants host:port");
  const transport = createTransport({
    ...(caFile === undefined ? {} : { ca: await readCertificates(caFile) }),
    ...(connect === undefined ? {} : { connect }),
  });
  return new OwnersVault({ url, apiVersion, transport, environment });
}

/** Runs an operation. @returns undefined if the vault answers with this status */
async function undefinedAt<T>(status: number, operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    const last = error instanceof AzureError ? error.last : undefined;
    if (last?.party === "vault" && last.status === status) return undefined;
    throw error;
  }
}

async function readCertificates(file: string): Promise<string> {
  const pem = (await readInput(file, "--ca-file", maxTextBytes)).toString("latin1");
  if (pem.includes("-----BEGIN CERTIFICATE-----")) return pem;
  throw new Error(`${file} holds no PEM certificate`);
}

/** The login: the principal that the environment names, as on build machines, or the user of `az login`. */
function createCredential(
  environment: NodeJS.ProcessEnv,
  session: AzureSession,
): { login: Login; credential: TokenCredential } {
  const {
    AZURE_TENANT_ID: tenant = "",
    AZURE_CLIENT_ID: client = "",
    AZURE_CLIENT_SECRET: secret = "",
  } = environment;
  if ([tenant, client, secret].includes("")) {
    const credential = new AzureCliCredential({ processTimeoutInMs: azTimeoutMs });
    return { login: "azureCli", credential };
  }
  const options: ClientSecretCredentialOptions = {
    ...session.clientOptions("azureAd"),
    disableInstanceDiscovery: true,
  };
  const credential = new ClientSecretCredential(tenant, client, secret, options);
  return { login: "clientSecret", credential };
}
