import { createCipheriv, createECDH, randomBytes } from "node:crypto";
import { CompactEncrypt, compactDecrypt, importJWK } from "jose";
import { concatKdf } from "../../src/crypto/concat-kdf.js";
import { thumbprint, type PublicJwk } from "../../src/crypto/public-jwk.js";

export const replyKey = Buffer.alloc(32, 7);

/** An attested upload, made by jose; `change` adds or replaces members of the header. */
export async function sealAttested(
  picture: Uint8Array,
  key: PublicJwk,
  change: Record<string, unknown> = {},
  reply: Uint8Array = replyKey,
): Promise<Buffer> {
  const alg = "ECDH-ES+A256KW";
  const header = { alg, enc: "A256GCM", kid: thumbprint(key), ...change };
  const jwe = await new CompactEncrypt(Buffer.concat([reply, picture]))
    .setProtectedHeader(header)
    .encrypt(await importJWK({ ...key }, alg));
  return Buffer.from(jwe);
}

export interface HandMade {
  /** Members of the header in place of the right ones. */
  header?: Record<string, unknown>;
  ivBytes?: number;
  contentKeyBytes?: 16 | 32;
}

/** An attested upload under a valid tag, made without jose, which refuses some headers and lengths. */
export function sealByHand(
  content: Uint8Array,
  key: PublicJwk,
  { header: change = {}, ivBytes = 12, contentKeyBytes = 32 }: HandMade = {},
): Buffer {
  const ephemeral = createECDH("prime256v1");
  const point = ephemeral.generateKeys();
  const encode = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
  const decode = (text: string): Buffer => Buffer.from(text, "base64url");
  const epk = {
    ...{ kty: "EC", crv: "P-256" },
    ...{ x: encode(point.subarray(1, 33)), y: encode(point.subarray(33)) },
  };
  const alg = "ECDH-ES+A256KW";
  const secret = ephemeral.computeSecret(
    Buffer.concat([Buffer.of(4), decode(key.x), decode(key.y)]),
  );
  const wrapping = concatKdf(secret, { algorithmId: alg, keyBits: 256 });
  const contentKey = randomBytes(contentKeyBytes);
  const wrap = createCipheriv("id-aes256-wrap", wrapping, Buffer.alloc(8, 0xa6));
  const encryptedKey = Buffer.concat([wrap.update(contentKey), wrap.final()]);
  const members = { alg, enc: "A256GCM", kid: thumbprint(key), epk, ...change };
  const head = encode(Buffer.from(JSON.stringify(members)));
  const iv = randomBytes(ivBytes);
  const gcm = contentKeyBytes === 16 ? "aes-128-gcm" : "aes-256-gcm";
  const cipher = createCipheriv(gcm, contentKey, iv).setAAD(Buffer.from(head));
  const ciphertext = Buffer.concat([cipher.update(content), cipher.final()]);
  const parts = [encryptedKey, iv, ciphertext, cipher.getAuthTag()].map(encode);
  return Buffer.from([head, ...parts].join("."));
}

export interface OpenedReply {
  header: unknown;
  length: number;
  json: Record<string, unknown>;
}

/** Opens the answer to an attested upload with jose. */
export async function openReply(
  body: Uint8Array,
  reply: Uint8Array = replyKey,
): Promise<OpenedReply> {
  const { plaintext, protectedHeader } = await compactDecrypt(body, reply);
  const json = JSON.parse(Buffer.from(plaintext).toString()) as Record<string, unknown>;
  return { header: protectedHeader, length: plaintext.length, json };
}

/** Replaces members of the header of a token, which then no longer authenticates it. */
export function rewriteHeader(
  jwe: Buffer,
  change: (header: Record<string, unknown>) => void,
): Buffer {
  const [head = "", ...rest] = jwe.toString().split(".");
  const header = JSON.parse(Buffer.from(head, "base64url").toString()) as Record<string, unknown>;
  change(header);
  const encoded = Buffer.from(JSON.stringify(header)).toString("base64url");
  return Buffer.from([encoded, ...rest].join("."));
}
