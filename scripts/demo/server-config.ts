import { open, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import { projectFolder } from "../project.js";
import type { EmulatorProcess } from "./emulator.js";
import { loopback, type ServerLocation } from "./host.js";
import { manifestFromLabels } from "./manifest.js";
import { otherKeyName, type OtherOwner } from "./other-owner.js";

/** What a deployment's configuration says other than config.json. */
export interface ConfigChanges {
  /** A manifest, or a list of labels to make one from. */
  manifest: { file: string } | { labels: string };
  /** The address on which the server listens. */
  host: string;
  /** 0: a free one. */
  port: number;
  /** How often the server fetches the data owner's key again; 0: never. */
  refreshMs: number;
  /** Further settings of sections under Inference. */
  inference?: Partial<Record<"Model" | "Images" | "Limits", Readonly<Record<string, unknown>>>>;
}

export interface ServerConfigOptions extends ConfigChanges {
  folder: string;
  model: string;
  location: ServerLocation;
  base: BaseConfig;
  emulator: EmulatorProcess;
  /** The encrypted model on the emulator's model host. */
  published: { url: string; sha256: string };
  /** The second data owner, if there are two. */
  other: OtherOwner | undefined;
}

const secretSchema = z.looseObject({
  ID: z.string(),
  LocalPath: z.string(),
  SrsAddress: z.string(),
});
const configSchema = z.looseObject({
  Secret: z.tuple([secretSchema, secretSchema, secretSchema], {
    error: "config.json: expected three entries of Secret",
  }),
  Inference: z.looseObject({
    Attestation: z.looseObject({ Endpoint: z.string() }),
    Metrics: z.looseObject({ Host: z.string(), Port: z.number() }),
  }),
});

/** config.json's entries of Secret, by their use. */
export type Secrets = Record<"model" | "image" | "seal", z.infer<typeof secretSchema>>;

export interface BaseConfig {
  config: z.infer<typeof configSchema>;
  secrets: Secrets;
}

/** Reads the project's config.json. */
export async function readBaseConfig(): Promise<BaseConfig> {
  const text = await readFile(join(projectFolder, "config.json"), "utf8");
  const config = configSchema.parse(JSON.parse(text));
  const [model, image, seal] = config.Secret;
  return { config, secrets: { model, image, seal } };
}

/**
 * Writes config.json for a server that uses the emulator.
 *
 * @returns the file
 */
export async function writeServerConfig(options: ServerConfigOptions): Promise<string> {
  const { base, location, folder, other } = options;
  const keyFile = (name: string): string => join(location.inside.keys, name);
  const { model, image, seal } = base.secrets;
  const config = {
    ...base.config,
    Secret: [
      { ...model, LocalPath: keyFile("model.key") },
      { ...image, LocalPath: keyFile("image.key") },
      { ...seal, LocalPath: keyFile("seal.key") },
      ...(other === undefined
        ? []
        : [{ ...seal, ...other.secret, LocalPath: keyFile(otherKeyName) }]),
    ],
    Inference: await inferenceSection(options),
  };
  const file = join(folder, "config.json");
  await writeFile(file, `${JSON.stringify(config, null, 2)}\n`);
  return file;
}

async function inferenceSection(options: ServerConfigOptions): Promise<object> {
  const { base, emulator, location, host, port, published, inference = {} } = options;
  const { secrets } = base;
  const { Inference: present } = base.config;
  return {
    ...present,
    Listen: { Host: host, Port: port, ...(host === loopback ? { TlsPort: 0 } : {}) },
    Attestation: {
      Endpoint: present.Attestation.Endpoint,
      Evidence: location.inside.evidence,
      EvidenceOptions: {
        QuotingKey: await location.give(emulator.quotingKeyFile),
        Code: location.inside.code,
      },
    },
    // On loopback a free port, since several servers may run; for other machines the documented one.
    Metrics: host === loopback ? { Host: loopback, Port: 0 } : present.Metrics,
    Release: { RefreshMs: options.refreshMs },
    Trust: {
      CaFile: await location.give(emulator.caFile),
      Connect: `127.0.0.1:${emulator.port}`,
    },
    Model: {
      Url: published.url,
      Sha256: published.sha256,
      Manifest: await location.give(await manifestFile(options)),
      Key: secrets.model.ID,
      Format: await formatOf(options.model),
      ...inference.Model,
    },
    Images: {
      Formats: ["plain", "encrypted", "jwe", "attested"],
      Keys: [secrets.seal.ID, ...(options.other === undefined ? [] : [options.other.secret.ID])],
      LegacyKey: secrets.image.ID,
      ...inference.Images,
    },
    Results: { Key: secrets.seal.ID },
    ...(inference.Limits === undefined ? {} : { Limits: inference.Limits }),
  };
}

/** `ort` for a file with the identifier of ONNX Runtime's format (onnxruntime/core/flatbuffers/schema/ort.fbs). */
async function formatOf(model: string): Promise<"onnx" | "ort"> {
  const file = await open(model);
  try {
    const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0);
    return buffer.toString("latin1", 4) === "ORTM" ? "ort" : "onnx";
  } finally {
    await file.close();
  }
}

async function manifestFile({ manifest, model, folder }: ServerConfigOptions): Promise<string> {
  if ("file" in manifest) return resolve(manifest.file);
  const file = join(folder, "model.json");
  await writeFile(file, JSON.stringify(await manifestFromLabels(model, manifest.labels), null, 2));
  return file;
}
