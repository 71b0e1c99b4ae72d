import { createHash } from "node:crypto";
import type { Express } from "express";
import request, { type Test } from "supertest";
import type { Config } from "../../src/config/schema.js";
import { takeKey } from "../../src/crypto/aes-key.js";
import { createApp, type AppOptions, type RequestSummary } from "../../src/http/app.js";
import type { Stage } from "../../src/http/classify-upload.js";
import { LegacyUploads } from "../../src/http/legacy-uploads.js";
import { RejectionDelays } from "../../src/http/rejection-delays.js";
import { RequestRate } from "../../src/http/request-rate.js";
import { TrustedProxies } from "../../src/http/trusted-proxies.js";
import { UploadReader, type UploadReaderOptions } from "../../src/http/upload.js";
import { DecodeQueue } from "../../src/image/decode-queue.js";
import { configureDecoder } from "../../src/image/decode.js";
import { defaultLimits, type ImageLimits } from "../../src/image/limits.js";
import { OnnxClassifier } from "../../src/inference/onnx-classifier.js";
import type { ModelSession } from "../../src/inference/session.js";
import { ImageKeys } from "../../src/keys/image-keys.js";
import { testAttestation } from "./attestation.js";
import { coloursSession } from "./colours-model.js";

const keyFrom = (text: string): Buffer => createHash("sha256").update(text).digest();

/** JWE keys of two data owners, and the key of `.encrypted` uploads. The first owner's key encrypts answers to those. */
export const imageKeys = {
  First: keyFrom("first"),
  Second: keyFrom("second"),
  Legacy: keyFrom("legacy"),
} as const;
export const modelKey = keyFrom("model");
export const firstKeyVersion = "0123abcd";
export const legacyKeyVersion = "4567cdef";

export interface TestApp {
  app: Express;
  uploads: UploadReader;
  /** The keys have a third owner, "Missing", whose key was not released. */
  keys: ImageKeys;
  /** The clock of the keys' grace periods. */
  clock: { nowMs: number };
  summaries: RequestSummary[];
  stages: { stage: Stage; tookMs: number }[];
  bugs: unknown[];
}

export interface TestAppOptions {
  results?: Partial<Config["Inference"]["Results"]>;
  imageLimits?: Partial<ImageLimits>;
  limits?: Partial<UploadReaderOptions>;
  labels?: string[];
  /** Replaces the tiny model. */
  session?: ModelSession;
  app?: Partial<AppOptions>;
}

/** Creates the application with a real, tiny model, which distinguishes red, green and blue pictures. */
export async function testApp(options: TestAppOptions = {}): Promise<TestApp> {
  configureDecoder();
  const session = options.session ?? (await coloursSession(options.labels));
  const summaries: RequestSummary[] = [];
  const bugs: unknown[] = [];
  const stages: { stage: Stage; tookMs: number }[] = [];
  const clock = { nowMs: 0 };
  const keys = await ImageKeys.create({
    ids: ["First", "Second", "Missing"],
    legacyId: "Legacy",
    sealId: "First",
    graceMs: 60_000,
    now: () => clock.nowMs,
  });
  keys.accept("First", {
    key: await takeKey(Buffer.from(imageKeys.First), "jwe"),
    version: firstKeyVersion,
  });
  keys.accept("Second", {
    key: await takeKey(Buffer.from(imageKeys.Second), "jwe"),
    version: undefined,
  });
  keys.accept("Legacy", {
    key: await takeKey(Buffer.from(imageKeys.Legacy), "cbc"),
    version: legacyKeyVersion,
  });
  const uploads = new UploadReader({
    maxBytes: 100_000,
    maxBytesInFlight: 100_000_000,
    maxBytesPerAddress: 100_000_000,
    minBytesPerSecond: 1,
    graceMs: 60_000,
    ...options.limits,
  });
  const { attestation = await testAttestation(), ...rest } = options.app ?? {};
  const app = createApp({
    server: { name: "confml", version: "1.2.3" },
    platform: "none",
    page: { html: "<!doctype html><title>page</title>", policy: "default-src 'none'" },
    classifier: new OnnxClassifier({
      session,
      maxBatchDelayMs: 0,
      maxQueue: 500,
      onBatch: () => undefined,
      onFault: () => undefined,
    }),
    decoder: new DecodeQueue({
      preprocessing: session.manifest.preprocessing,
      limits: { ...defaultLimits, maxPixels: 1_000_000, ...options.imageLimits },
      maxDecodes: 2,
      maxDecodeBytesInFlight: 805_306_368,
      decodeTimeoutMs: 15_000,
      maxQueue: 500,
    }),
    keys,
    attestation,
    legacyUploads: new LegacyUploads({ maxDistinct: 0, periodMs: 1000 }),
    requestRate: new RequestRate({ maxPerMinute: 0 }),
    rejectionDelays: new RejectionDelays({ maxDelayMs: 0 }),
    trustedProxies: new TrustedProxies([]),
    corsOrigins: [],
    uploads,
    formats: ["plain", "encrypted", "jwe"],
    results: { Encrypt: "match", MaxTop: 1000, Probabilities: "all", ...options.results },
    requestTimeoutMs: 30_000,
    maxPictures: 8,
    isStopping: () => false,
    onStage: (stage, tookMs) => {
      stages.push({ stage, tookMs });
    },
    onRequestStart: () => undefined,
    onRequest: (summary) => {
      summaries.push(summary);
    },
    onBug: (error) => {
      bugs.push(error);
    },
    ...rest,
  });
  return { app, uploads, keys, clock, summaries, stages, bugs };
}

export interface Part {
  name?: string;
  type?: string;
  query?: string;
  accept?: string;
  headers?: Record<string, string>;
}

/** `curl -F image=@NAME;type=TYPE -H 'Accept: …' /evaluate?…` */
export function evaluate({ app }: TestApp, bytes: Buffer, part: Part = {}): Test {
  const { name = "picture.png", type = "application/octet-stream", query = "", accept } = part;
  const { headers = {} } = part;
  const post = request(app).post(`/evaluate${query}`);
  if (accept !== undefined) post.set("Accept", accept);
  post.set(headers);
  return post.attach("image", bytes, { filename: name, contentType: type });
}
