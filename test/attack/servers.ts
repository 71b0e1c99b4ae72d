import { createHash } from "node:crypto";
import { once } from "node:events";
import { Agent } from "node:http";
import { z } from "zod";
import { takeKey } from "../../src/crypto/aes-key.js";
import { LegacyUploads } from "../../src/http/legacy-uploads.js";
import type { UploadFormatName } from "../../src/http/upload-format.js";
import { DecodeQueue } from "../../src/image/decode-queue.js";
import { defaultLimits } from "../../src/image/limits.js";
import { OnnxClassifier } from "../../src/inference/onnx-classifier.js";
import type { Manifest } from "../../src/model/manifest.js";
import { createModelSession } from "../../src/inference/session.js";
import { ImageKeys } from "../../src/keys/image-keys.js";
import { loadOptions } from "../helpers/load-options.js";
import { testApp } from "../helpers/test-app.js";
import { tinyManifest } from "../onnx/tiny-classifier.js";
import { floatTensor, tinyNetwork } from "../owners/optimize/tiny-network.js";
import { uploader, type Ask } from "./ask.js";

/** Larger than the probe picture, so that resizing loses no information. */
const side = 32;
const manifest: Manifest = {
  ...tinyManifest,
  input: { name: "input", shape: ["n", 3, side, side] },
  preprocessing: { ...tinyManifest.preprocessing, resize: side, crop: side },
};

/** The data owner's secrets: the server has them, the attacker does not. */
export const legacyKey = secret("of .encrypted uploads");
export const jweKey = secret("of JWE uploads");
const nextLegacyKey = secret("of .encrypted uploads, its second version");
export const nextJweKey = secret("of JWE uploads, its second version");
/** A key that no server has. */
export const foreignKey = secret("of another server");

const legacyId = "Legacy";
export const jweId = "Jwe";

export interface Server {
  /** Asks for the default answer, labels in the original sample's words, or for another type. */
  asking: (accept?: string) => Ask;
  close: () => void;
}

/** The configuration of a server that is attacked. */
export const servers = {
  /** Both secrets have the same bytes, which a server refuses at its boot (keys/key-register.ts). */
  equalKeys: () => serve({ keys: { legacy: [legacyKey], jwe: [legacyKey] } }),
  separateKeys: () => serve({}),
  /** Each secret was rotated, and the grace period of its former version has not ended. */
  rotating: () =>
    serve({
      keys: { legacy: [legacyKey, nextLegacyKey], jwe: [jweKey, nextJweKey] },
    }),
  /** All answers to `.encrypted` uploads are encrypted. */
  answersEncrypted: () => serve({ encrypt: "always" }),
  only: (...formats: UploadFormatName[]) => serve({ formats }),
  /** Distinct `.encrypted` uploads are limited. */
  bounded: (maxLegacyUploads: number) => serve({ maxLegacyUploads }),
};

interface Configuration {
  /** The versions of each secret, the current one last. */
  keys?: { legacy: Buffer[]; jwe: Buffer[] };
  formats?: UploadFormatName[];
  /** 0: no limit. */
  maxLegacyUploads?: number;
  encrypt?: "match" | "always";
}

async function serve({
  keys = { legacy: [legacyKey], jwe: [jweKey] },
  formats = ["plain", "encrypted", "jwe"],
  maxLegacyUploads = 0,
  encrypt = "match",
}: Configuration): Promise<Server> {
  const session = await createModelSession(Buffer.from(linearClassifier()), manifest, loadOptions);
  const { app } = await testApp({
    results: { Encrypt: encrypt },
    app: {
      formats,
      legacyUploads: new LegacyUploads({ maxDistinct: maxLegacyUploads, periodMs: 3_600_000 }),
      keys: await imageKeys(keys),
      classifier: new OnnxClassifier({
        session,
        maxBatchDelayMs: 0,
        maxQueue: 500,
        onBatch: () => undefined,
        onFault: () => undefined,
      }),
      decoder: new DecodeQueue({
        preprocessing: manifest.preprocessing,
        limits: defaultLimits,
        maxDecodes: 2,
        maxDecodeBytesInFlight: 805_306_368,
        decodeTimeoutMs: 15_000,
        maxQueue: 500,
      }),
    },
  });
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = z.object({ port: z.number() }).parse(server.address());
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  return {
    asking: (accept) => uploader(port, agent, accept),
    close: () => {
      agent.destroy();
      server.close();
    },
  };
}

async function imageKeys({ legacy, jwe }: NonNullable<Configuration["keys"]>): Promise<ImageKeys> {
  const roles = { ids: [jweId], legacyId, sealId: jweId };
  const keys = await ImageKeys.create({ ...roles, graceMs: 60_000 });
  const versions = [
    ...legacy.map((bytes) => ({ id: legacyId, use: "cbc" as const, bytes })),
    ...jwe.map((bytes) => ({ id: jweId, use: "jwe" as const, bytes })),
  ];
  for (const [index, { id, use, bytes }] of versions.entries()) {
    keys.accept(id, { key: await takeKey(Buffer.from(bytes), use), version: `v${index}` });
  }
  return keys;
}

/** A model of one fully connected layer: the answer depends on every pixel, so different pictures get different answers. */
function linearClassifier(): Uint8Array {
  const { input, labels } = manifest;
  const [, channels, height, width] = input.shape;
  return tinyNetwork({
    nodes: [
      { operator: "Flatten", inputs: ["input"], outputs: ["pixels"] },
      { operator: "Gemm", inputs: ["pixels", "weights"], outputs: ["output"] },
    ],
    tensors: [floatTensor("weights", [channels * height * width, labels.length], 0.02)],
    input: input.shape,
  });
}

function secret(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
