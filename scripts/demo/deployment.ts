import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { hosts } from "../../emulator/hosts.js";
import { measureCode } from "../../emulator/measurement.js";
import { createTransport } from "../../src/net/transport.js";
import type { Service } from "../process/service.js";
import { runEmulator, type EmulatorProcess } from "./emulator.js";
import type { ServerLocation } from "./host.js";
import { encrypt, importKey, ownersKey, releasePolicy, sha256 } from "./owners.js";
import { prepareOtherOwner, writeOwnerFiles, type OtherOwner } from "./other-owner.js";
import {
  readBaseConfig,
  writeServerConfig,
  type ConfigChanges,
  type Secrets,
} from "./server-config.js";

export interface DeploymentOptions extends ConfigChanges {
  /** A folder for the files of this run; the caller removes it. */
  folder: string;
  /** The folder in which the owners keep their keys from run to run. */
  keysFolder: string;
  /** The model, as an ONNX or ORT file. */
  model: string;
  location: ServerLocation;
  /** The number of data owners; 1 by default. */
  owners?: 1 | 2;
  /** Called with a line of progress, and who did it. */
  say: (who: string, line: string) => void;
}

/** Emulated services with both owners' keys, and a configuration with which a server can be started. */
export interface Deployment {
  emulator: Service;
  configFile: string;
  /** The environment variables that the host gives the server. */
  environment: Record<string, string>;
  /** The data owner's key of `.encrypted` files. */
  imageKey: Buffer;
  /** The data owner's key of JWE. */
  sealKey: Buffer;
  owner: OwnerFiles;
  /** The emulated measurement of the server's code (MRENCLAVE), hexadecimal. */
  measurement: string;
  /** The second data owner, if there are two. */
  other: OtherOwner | undefined;
}

/** What the data owner's own commands need. */
export interface OwnerFiles {
  /** A file of shell variables: the owner's login, and the options that connect to the emulator. */
  environmentFile: string;
  policyFile: string;
  /** The JWE key's ID. */
  secret: string;
  /** The vault's URL. */
  vault: string;
}

interface Keys {
  model: Buffer;
  image: Buffer;
  seal: Buffer;
}

/** Starts the emulator, does what the owners do, and writes the server's configuration. */
export async function prepareDeployment(options: DeploymentOptions): Promise<Deployment> {
  const { folder, keysFolder, location, say } = options;
  const keys: Keys = {
    model: await ownersKey(join(keysFolder, "model.key")),
    image: await ownersKey(join(keysFolder, "image.key")),
    seal: await ownersKey(join(keysFolder, "seal.key")),
  };
  const modelsFolder = join(folder, "models");
  const published = await publishModel(options, modelsFolder, keys.model);
  const emulator = await runEmulator(join(folder, "emulator"), modelsFolder, say);
  try {
    const base = await readBaseConfig();
    const measurement = await measureCode(location.codeFolder);
    const policy = releasePolicy(base.config.Inference.Attestation.Endpoint, measurement);
    await importKeys(emulator, base.secrets, keys, policy, (owner, { ID: id }) => {
      say(owner, `imported ${id}, to be released to code ${measurement.slice(0, 16)}… alone`);
    });
    const { ID: secret, SrsAddress: vault } = base.secrets.seal;
    const { tenant } = emulator;
    const owner = {
      ...(await writeOwnerFiles(folder, undefined, { emulator, tenant, policy })),
      ...{ secret, vault },
    };
    const other =
      options.owners === 2
        ? await prepareOtherOwner({ folder, keysFolder, emulator, measurement, say })
        : undefined;
    const configFile = await writeServerConfig({ ...options, base, emulator, published, other });
    const { clientId, clientSecret } = emulator.tenant.server;
    const environment = {
      APP_ID: emulator.tenant.tenantId,
      CLIENT_ID: clientId,
      CLIENT_SECRET: clientSecret,
      MHSM_AAD_URL: "https://managedhsm.azure.net",
    };
    const { image: imageKey, seal: sealKey } = keys;
    const { service } = emulator;
    return {
      ...{ emulator: service, configFile, environment, imageKey, sealKey },
      ...{ owner, measurement, other },
    };
  } catch (error) {
    await emulator.service.stop();
    throw error;
  }
}

/** Encrypts the model into the folder that the emulator's model host serves. */
async function publishModel(
  { model, say }: DeploymentOptions,
  modelsFolder: string,
  key: Buffer,
): Promise<{ url: string; sha256: string }> {
  await mkdir(modelsFolder, { recursive: true, mode: 0o700 });
  const encrypted = encrypt(await readFile(model), key);
  const name = `${basename(model)}.encrypted`;
  await writeFile(join(modelsFolder, name), encrypted);
  const megabytes = (encrypted.length / 1e6).toFixed(1);
  say("model owner", `encrypted ${basename(model)} (${megabytes} MB), AES-256-CBC`);
  return { url: `https://${hosts.models}/${encodeURIComponent(name)}`, sha256: sha256(encrypted) };
}

async function importKeys(
  { port, ca, tenant }: EmulatorProcess,
  secrets: Secrets,
  keys: Keys,
  policy: object,
  onImported: (owner: string, secret: Secrets[keyof Secrets]) => void,
): Promise<void> {
  const { agent } = createTransport({ ca, connect: `127.0.0.1:${port}` });
  for (const [name, owner] of [
    ["model", "model owner"],
    ["image", "data owner"],
    ["seal", "data owner"],
  ] as const) {
    const secret = secrets[name];
    const vault = { url: secret.SrsAddress, tenantId: tenant.tenantId, ...tenant.owners, agent };
    await importKey(vault, secret.ID, keys[name], policy);
    onImported(owner, secret);
  }
  agent.destroy();
}
