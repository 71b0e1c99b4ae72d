import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { hosts } from "../../emulator/hosts.js";
import { measureCode } from "../../emulator/measurement.js";
import { startEmulator, type Emulator, type EmulatorOptions } from "../../emulator/server.js";
import { importKey, releasePolicy, type Vault } from "../../scripts/demo/owners.js";
import type { SecretEntry } from "../../src/config/schema.js";
import { createTransport } from "../../src/net/transport.js";
import { sharedCertificates } from "./certificates.js";
import { projectFolder, type LaunchOptions } from "./server-process.js";

export const authority = `https://${hosts.attestation}`;
export const otherAuthority = `https://${hosts.otherAttestation}`;
const vaultUrl = `https://${hosts.managedHsm}`;
const otherVaultUrl = `https://${hosts.otherManagedHsm}`;
export const evidenceModule = join(projectFolder, "build/emulator/evidence.js");
const modelFile = "colours.onnx.encrypted";

/** Everything that a server needs to start, as `make serve` prepares it, with a tiny model. */
export interface Scene {
  folder: string;
  /** A folder for the server's key files only. */
  keysFolder: string;
  emulator: Emulator;
  modelKey: Buffer;
  /** The key of `.encrypted` uploads, ImageKey. */
  imageKey: Buffer;
  /** The key of JWE uploads, SealKey. */
  sealKey: Buffer;
  vault: Vault;
  /** The emulated measurement of the built server. */
  measurement: string;
  /** Environment and configuration of the server. Tests change them before `launch`. */
  environment: Record<string, string>;
  secrets: SecretEntry[];
  inference: Record<string, unknown> & { Model: Record<string, unknown> };
  importKeys: (policy?: object) => Promise<void>;
  /** Adds a second data owner, with a vault, a tenant and an attestation service of its own. */
  addOtherOwner: (policy?: object) => Promise<{ key: Buffer; vault: Vault }>;
  /** Puts an encrypted model on the model host, and its address and hash into the configuration. */
  publishModel: (encrypted: Buffer, name?: string) => Promise<void>;
  /** Writes the configuration. */
  launch: () => Promise<LaunchOptions>;
  /** Like `launch`, for one of several servers that run at the same time, with its own folder for key files. */
  launchApart: (name: string) => Promise<LaunchOptions & { keysFolder: string }>;
  close: () => Promise<void>;
}

export async function setScene(options: Partial<EmulatorOptions> = {}): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), "confml-scene-"));
  const modelsFolder = join(folder, "models");
  const keysFolder = join(folder, "keys");
  await mkdir(modelsFolder);
  await mkdir(keysFolder);
  const emulator = await startEmulator({
    modelsFolder,
    certificates: await sharedCertificates(),
    ...options,
  });
  await writeFile(join(folder, "ca.pem"), emulator.caPem);
  await writeFile(join(folder, "quoting-key.pem"), emulator.sgxPlatform.quotingKeyPem);

  const modelKey = randomBytes(32);
  const imageKey = randomBytes(32);
  const sealKey = randomBytes(32);
  const codeFolder = join(projectFolder, "dist");
  const measurement = await measureCode(codeFolder);
  const { agent } = createTransport({
    ca: emulator.caPem,
    connect: `127.0.0.1:${emulator.port}`,
  });
  const { tenantId, owners, server } = emulator.tenant;
  const vault: Vault = { url: vaultUrl, tenantId, ...owners, agent };
  const fixtures = join(projectFolder, "test/fixtures/models");

  const scene: Scene = {
    folder,
    keysFolder,
    emulator,
    modelKey,
    imageKey,
    sealKey,
    vault,
    measurement,
    environment: {
      APP_ID: tenantId,
      CLIENT_ID: server.clientId,
      CLIENT_SECRET: server.clientSecret,
    },
    secrets: [
      secret("ModelKey", join(keysFolder, "model.key")),
      secret("ImageKey", join(keysFolder, "image.key")),
      secret("SealKey", join(keysFolder, "seal.key")),
    ],
    inference: {
      Listen: { Host: "127.0.0.1", Port: 0 },
      Attestation: {
        Endpoint: authority,
        Evidence: evidenceModule,
        EvidenceOptions: { QuotingKey: join(folder, "quoting-key.pem"), Code: codeFolder },
      },
      Trust: { CaFile: join(folder, "ca.pem"), Connect: `127.0.0.1:${emulator.port}` },
      Model: {
        Url: `https://${hosts.models}/${modelFile}`,
        Sha256: "",
        Manifest: join(fixtures, "colours.json"),
        Key: "ModelKey",
      },
      Images: images(),
      Results: { Key: "SealKey" },
    },
    importKeys: async (policy = releasePolicy(authority, measurement)) => {
      await importKey(vault, "ModelKey", modelKey, policy);
      await importKey(vault, "ImageKey", imageKey, policy);
      await importKey(vault, "SealKey", sealKey, policy);
    },
    addOtherOwner: async (policy = releasePolicy(otherAuthority, measurement)) => {
      const { tenantId: otherTenant, owners: otherOwners } = emulator.otherTenant;
      const key = randomBytes(32);
      const otherVault = { url: otherVaultUrl, tenantId: otherTenant, ...otherOwners, agent };
      await importKey(otherVault, "OtherKey", key, policy);
      scene.secrets.push({
        ...secret("OtherKey", join(keysFolder, "other.key")),
        SrsAddress: otherVaultUrl,
        Tenant: otherTenant,
        AttestationEndpoint: otherAuthority,
      });
      scene.inference["Images"] = images("OtherKey");
      return { key, vault: otherVault };
    },
    publishModel: async (encrypted, name = modelFile) => {
      await writeFile(join(modelsFolder, name), encrypted);
      scene.inference.Model["Url"] = `https://${hosts.models}/${name}`;
      scene.inference.Model["Sha256"] = createHash("sha256").update(encrypted).digest("hex");
    },
    launch: async () => {
      const configFile = join(folder, "config.json");
      await writeFile(configFile, configText(scene, scene.secrets));
      return { configFile, environment: scene.environment };
    },
    launchApart: async (name) => {
      const apart = join(folder, name);
      const configFile = join(folder, `${name}.json`);
      const environment = { ...scene.environment };
      const text = configText(
        scene,
        scene.secrets.map((one) => ({ ...one, LocalPath: join(apart, basename(one.LocalPath)) })),
      );
      await mkdir(apart);
      await writeFile(configFile, text);
      return { configFile, environment, keysFolder: apart };
    },
    close: async () => {
      agent.destroy();
      await emulator.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await scene.publishModel(encrypt(await readFile(join(fixtures, "colours.onnx")), modelKey));
  return scene;
}

function configText({ inference }: Scene, secrets: readonly SecretEntry[]): string {
  return JSON.stringify({ version: "0.1", Secret: secrets, Inference: inference });
}

/** The configuration of all formats, each with a key of its own. */
function images(...otherKeys: string[]): object {
  return {
    Formats: ["plain", "encrypted", "jwe"],
    Keys: ["SealKey", ...otherKeys],
    LegacyKey: "ImageKey",
  };
}

function secret(id: string, path: string): SecretEntry {
  return { ID: id, SrsAddress: vaultUrl, LocalPath: path, ClientLib: "mhsm" };
}

/** `openssl enc -e -aes256 -K <key> -iv 0` */
export function encrypt(plaintext: Uint8Array, key: Uint8Array): Buffer {
  const cipher = createCipheriv("aes-256-cbc", key, Buffer.alloc(16));
  return Buffer.concat([cipher.update(plaintext), cipher.final()]);
}
