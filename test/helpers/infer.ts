import { createCipheriv } from "node:crypto";
import type { Readable } from "node:stream";
import request, { type Test } from "supertest";
import { openJwe, readKid, sealJwe } from "../../src/crypto/jwe.js";
import { imageKeys, type TestApp } from "./test-app.js";

export interface InferCall {
  path?: string;
  /** Binary data after the JSON; the header Inference-Header-Content-Length is then sent. */
  binary?: Uint8Array;
  headers?: Record<string, string>;
}

/**
 * `POST /v2/models/colours/infer`; the answer's body is the bytes.
 *
 * @param json an object to serialise; text or bytes are sent unchanged
 */
export function infer({ app }: TestApp, json: unknown, call: InferCall = {}): Test {
  const { path = "/v2/models/colours/infer", binary, headers = {} } = call;
  const isRaw = typeof json === "string" || Buffer.isBuffer(json);
  const text = Buffer.from(isRaw ? json : JSON.stringify(json));
  const post = request(app).post(path).set("Content-Type", "application/octet-stream");
  if (binary !== undefined) post.set("Inference-Header-Content-Length", String(text.length));
  return post
    .set(headers)
    .buffer(true)
    .parse(collect)
    .send(Buffer.concat([text, binary ?? Buffer.alloc(0)]));
}

/** Collects the answer's bytes. superagent passes a stream, although its types declare another class. */
function collect(answer: unknown, done: (error: Error | null, body: Buffer) => void): void {
  const stream = answer as Readable;
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("end", () => {
    done(null, Buffer.concat(chunks));
  });
}

export interface Output {
  name: string;
  shape: number[];
  datatype: string;
  parameters?: Record<string, unknown>;
  data?: (string | number)[];
}

export interface InferAnswer {
  status: number;
  /** The JSON part. */
  body: {
    model_name?: string;
    id?: string;
    outputs?: Output[];
    error?: string;
    code?: string;
  };
  /** The binary data after the JSON. */
  binary: Buffer;
  headers: Record<string, string>;
}

export async function inferred(call: Test): Promise<InferAnswer> {
  const { status, body, headers } = (await call) as {
    status: number;
    body: Buffer;
    headers: Record<string, string>;
  };
  const length = Number(headers["inference-header-content-length"] ?? body.length);
  const json = JSON.parse(body.subarray(0, length).toString()) as InferAnswer["body"];
  return { status, body: json, binary: body.subarray(length), headers };
}

/** A BYTES input in JSON. */
export function picturesInput(data: string[], parameters?: object): object {
  return { name: "pixels", shape: [data.length], datatype: "BYTES", data, parameters };
}

/** Binary BYTES data: each element after its length (Triton's binary tensor data extension). */
export function elements(...parts: Uint8Array[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(part.length);
      return [length, part];
    }),
  );
}

/** `[1, 3, 32, 32]` numbers of a picture of one colour. */
export function flatTensor(colour: 0 | 1 | 2): number[] {
  return Array.from({ length: 3072 }, (_, index) => (Math.floor(index / 1024) === colour ? 1 : 0));
}

export function floatBytes(numbers: readonly number[]): Buffer {
  return Buffer.from(Float32Array.from(numbers).buffer);
}

export function encryptCbc(plaintext: Uint8Array, key: Uint8Array): Buffer {
  const cipher = createCipheriv("aes-256-cbc", key, Buffer.alloc(16));
  return Buffer.concat([cipher.update(plaintext), cipher.final()]);
}

export async function jwe(plaintext: Uint8Array, kid: "First" | "Second"): Promise<string> {
  return sealJwe(imageKeys[kid], plaintext, { kid });
}

export interface OpenedAnswer {
  kid: string | undefined;
  length: number;
  answer: { image: { authenticated?: false }; predictions: { label: string }[] };
}

export async function openAnswer(token: string, kid: "First" | "Second"): Promise<OpenedAnswer> {
  const opened = await openJwe(Buffer.from(token), imageKeys[kid]);
  if (opened === undefined) throw new Error("the answer does not open");
  const text = new TextDecoder().decode(opened);
  const answer = JSON.parse(text) as OpenedAnswer["answer"];
  return { kid: readKid(Buffer.from(token)), length: text.length, answer };
}
