import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { hosts } from "../../emulator/hosts.js";
import { measureCode } from "../../emulator/measurement.js";
import { manifestFromLabels } from "./manifest.js";
import {
  EmulatorAgent,
  encrypt,
  importKey,
  ownersKey,
  releasePolicy,
  sha256,
  type Vault,
} from "./owners.js";
import { startService, type Service } from "./process.js";

/** The project's folder: this file is built into build/scripts/demo. */
export const projectFolder = fileURLToPath(new URL("../../../", import.meta.url));
export const loopback = "127.0.0.1";

export interface StageOptions {
  /** Where all that belongs to this run goes; the caller removes it. */
  folder: string;
  /** Where the owners keep their keys from run to run. */
  keysFolder: string;
  model: string;
  /** A manifest, or a list of labels to make one from. */
  manifest: { file: string } | { labels: string };
  host: string;
  port: number;
  /** How often the server fetches the data owner's key again; 0: never. */
  refreshMs: number;
  /** What else config.json says under Inference, in sections that this file writes or that it lacks. */
  inference?: Partial<Record<"Model" | "Images" | "Limits", Readonly<Record<string, unknown>>>>;
  home: ServerHome;
  say: (who: string, line: string) => void;
}

/** Where the server is to live: here, or in a file system of its own. */
export interface ServerHome {
  /** Its code, as this process sees it: what the owners' release policies name. */
  codeFolder: string;
  /** What the server sees, in paths of its own. */
  inside: {
    code: string;
    /** The emulated evidence provider. */
    evidence: string;
    /** Where its key files go. */
    keys: string;
  };
  /** Hands it a file. @returns the path that the server sees */
  give: (file: string) => Promise<string>;
}

export interface Stage {
  emulator: Service;
  configFile: string;
  /** What the host gives the server. */
  environment: Record<string, string>;
  /** The data owner's keys: of `.encrypted` files, and of JWE. */
  imageKey: Buffer;
  sealKey: Buffer;
  /** What the data owner needs for its own commands. */
  owner: { environmentFile: string; policyFile: string; secret: string; vault: string };
}

const principal = z.object({ clientId: z.string(), clientSecret: z.string() });
const tenantSchema = z.object({ tenantId: z.string(), server: principal, owners: principal });
const readySchema = z.object({ listening: z.object({ port: z.number() }) });
const configSchema = z.looseObject({
  Secret: z.array(z.looseObject({ ID: z.string(), LocalPath: z.string(), SrsAddress: z.string() })),
  Inference: z.looseObject({
    Attestation: z.looseObject({ Endpoint: z.string() }),
    Metrics: z.looseObject({ Host: z.string(), Port: z.number() }),
  }),
});

/** Sets the scene: Azure's stand-ins run, both owners have done their part, the server may start. */
export async function setStage(options: StageOptions): Promise<Stage> {
  const { folder, keysFolder, model, home, say } = options;
  const modelsFolder = join(folder, "models");
  const stateFolder = join(folder, "emulator");
  await mkdir(modelsFolder, { recursive: true, mode: 0o700 });

  const modelKey = await ownersKey(join(keysFolder, "model.key"));
  const imageKey = await ownersKey(join(keysFolder, "image.key"));
  const sealKey = await ownersKey(join(keysFolder, "seal.key"));
  const plaintext = await readFile(model);
  const encrypted = encrypt(plaintext, modelKey);
  const encryptedName = `${basename(model)}.encrypted`;
  await writeFile(join(modelsFolder, encryptedName), encrypted);
  say("model owner", `encrypted ${basename(model)} (${megabytes(encrypted.length)}), AES-256-CBC`);

  const emulator = await startService({
    command: [
      process.execPath,
      join(projectFolder, "build/emulator/main.js"),
      ...["--state", stateFolder, "--models", modelsFolder, "--exit-with-stdin"],
    ],
    onLine: (line) => line.includes('"listening"'),
    onErrorLine: (line) => {
      say("emulator", line);
    },
  });
  try {
    const { port } = readySchema.parse(emulator.ready).listening;
    say("emulator", `Azure AD, attestation and Managed HSM stand-ins on 127.0.0.1:${port}`);
    const tenant = tenantSchema.parse(
      JSON.parse(await readFile(join(stateFolder, "tenant.json"), "utf8")),
    );
    const config = configSchema.parse(
      JSON.parse(await readFile(join(projectFolder, "config.json"), "utf8")),
    );
    const ca = await readFile(join(stateFolder, "ca.pem"), "utf8");
    const measurement = await measureCode(home.codeFolder);
    const [modelSecret, imageSecret, sealSecret] = config.Secret;
    if (modelSecret === undefined || imageSecret === undefined || sealSecret === undefined) {
      throw new Error("config.json: expected three entries of Secret");
    }
    const policy = releasePolicy(config.Inference.Attestation.Endpoint, measurement);
    const agent = new EmulatorAgent(port, ca);
    for (const [secret, key, owner] of [
      [modelSecret, modelKey, "model owner"],
      [imageSecret, imageKey, "data owner"],
      [sealSecret, sealKey, "data owner"],
    ] as const) {
      const vault: Vault = {
        url: secret.SrsAddress,
        tenantId: tenant.tenantId,
        ...tenant.owners,
        agent,
      };
      await importKey(vault, secret.ID, key, policy);
      say(
        owner,
        `imported ${secret.ID}, to be released to code ${measurement.slice(0, 16)}… alone`,
      );
    }
    agent.destroy();
    const policyFile = join(folder, "policy.json");
    await writeFile(policyFile, `${JSON.stringify(policy, null, 2)}\n`);
    const environmentFile = join(folder, "owner.env");
    await writeFile(environmentFile, ownerEnvironment(tenant, stateFolder, port), { mode: 0o600 });

    const configFile = join(folder, "config.json");
    const manifest = await stageManifest(options, folder);
    const inference = {
      ...config.Inference,
      Listen: { Host: options.host, Port: options.port },
      Attestation: {
        Endpoint: config.Inference.Attestation.Endpoint,
        Evidence: home.inside.evidence,
        EvidenceOptions: {
          QuotingKey: await home.give(join(stateFolder, "quoting-key.pem")),
          Code: home.inside.code,
        },
      },
      // At a known port for those who are elsewhere, and out of the way for several here.
      Metrics: options.host === loopback ? { Host: loopback, Port: 0 } : config.Inference.Metrics,
      Release: { RefreshMs: options.refreshMs },
      Trust: { CaFile: await home.give(join(stateFolder, "ca.pem")), Connect: `127.0.0.1:${port}` },
      Model: {
        Url: `https://${hosts.models}/${encodeURIComponent(encryptedName)}`,
        Sha256: sha256(encrypted),
        Manifest: await home.give(manifest),
        Key: modelSecret.ID,
        ...options.inference?.Model,
      },
      Images: {
        Formats: ["plain", "encrypted", "jwe"],
        Keys: [sealSecret.ID],
        LegacyKey: imageSecret.ID,
        ...options.inference?.Images,
      },
      Results: { Key: sealSecret.ID },
      ...(options.inference?.Limits === undefined ? {} : { Limits: options.inference.Limits }),
    };
    const secrets = [
      { ...modelSecret, LocalPath: join(home.inside.keys, "model.key") },
      { ...imageSecret, LocalPath: join(home.inside.keys, "image.key") },
      { ...sealSecret, LocalPath: join(home.inside.keys, "seal.key") },
    ];
    await writeFile(
      configFile,
      `${JSON.stringify({ ...config, Secret: secrets, Inference: inference }, null, 2)}\n`,
    );
    const { clientId, clientSecret } = tenant.server;
    const environment = {
      APP_ID: tenant.tenantId,
      CLIENT_ID: clientId,
      CLIENT_SECRET: clientSecret,
      MHSM_AAD_URL: "https://managedhsm.azure.net",
    };
    const owner = {
      environmentFile,
      policyFile,
      secret: sealSecret.ID,
      vault: sealSecret.SrsAddress,
    };
    return { emulator, configFile, environment, imageKey, sealKey, owner };
  } catch (error) {
    await emulator.stop();
    throw error;
  }
}

/** For a shell: the login that `confml key` takes, and how it reaches the stand-in. */
function ownerEnvironment(
  { tenantId, owners }: z.infer<typeof tenantSchema>,
  stateFolder: string,
  port: number,
): string {
  return [
    `AZURE_TENANT_ID=${tenantId}`,
    `AZURE_CLIENT_ID=${owners.clientId}`,
    `AZURE_CLIENT_SECRET=${owners.clientSecret}`,
    `STAND_IN='--ca-file ${join(stateFolder, "ca.pem")} --connect 127.0.0.1:${port}'`,
    "",
  ].join("\n");
}

async function stageManifest({ manifest, model }: StageOptions, folder: string): Promise<string> {
  if ("file" in manifest) return resolve(manifest.file);
  const file = join(folder, "model.json");
  await writeFile(file, JSON.stringify(await manifestFromLabels(model, manifest.labels), null, 2));
  return file;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
