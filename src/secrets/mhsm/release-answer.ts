import { X509Certificate, type KeyObject } from "node:crypto";
import { compactVerify, decodeProtectedHeader, errors } from "jose";
import { z } from "zod";
import { verifyCertificateChain } from "../../crypto/certificate-chain.js";

/** A key version's name. It is checked because the log shows it. */
const versionForm = /^[0-9a-f]{32}$/u;

/** What the vault was asked for; its answer must match. */
export interface ReleaseRequest {
  /** The vault's host name. */
  host: string;
  keyName: string;
  algorithm: string;
  nonce: string;
  apiVersion: string;
  /** The `kid` of the runtime key in the attestation token. */
  wrappingKeyId: string;
  trustedRoots: readonly string[];
}

export interface ReleaseAnswer {
  /** `RSA-OAEP(KEK) ‖ AES-KWP(KEK, key)` */
  ciphertext: Buffer;
  version: string | undefined;
}

const headerSchema = z.object({ alg: z.literal("RS256"), x5c: z.array(z.base64()).min(1).max(8) });

/** The payload as recorded from a Managed HSM (API 7.3-preview). */
const payloadSchema = z.object({
  request: z.object({
    "api-version": z.string(),
    enc: z.string(),
    kid: z.string(),
    nonce: z.string(),
  }),
  response: z.object({
    key: z.object({
      key: z.object({ key_hsm: z.base64url(), kid: z.url(), kty: z.string() }),
    }),
  }),
});

const wrappedSchema = z.object({
  schema_version: z.literal("1.0"),
  header: z.object({ alg: z.literal("dir"), enc: z.string(), kid: z.string() }),
  ciphertext: z.base64url().min(1),
});

/**
 * Verifies a Managed HSM's release answer, a JWS (RFC 7515) that Azure's SDK does not verify: the certificate chain, the
 * vault's host in the leaf certificate, the signature, and that nonce, API version, key and wrapping key are the
 * request's.
 *
 * @param jws in compact serialization (RFC 7515, section 7.1)
 * @returns the wrapped key, which is not unwrapped here
 * @throws Error saying which check failed
 */
export async function verifyReleaseAnswer(
  jws: string,
  request: ReleaseRequest,
): Promise<ReleaseAnswer> {
  const header = read("header", headerSchema, () => decodeProtectedHeader(jws));
  const publicKey = verifyCertificateChain(
    header.x5c.map((certificate) => Buffer.from(certificate, "base64")),
    {
      trustedRoots: request.trustedRoots.map((pem) => new X509Certificate(pem)),
      host: request.host,
      now: new Date(),
    },
  );
  const payload = await verifiedPayload(jws, publicKey);
  const answer = read("payload", payloadSchema, () => parseJson(payload));
  const { key } = answer.response.key;
  const wrapped = read("key_hsm", wrappedSchema, () =>
    parseJson(Buffer.from(key.key_hsm, "base64url")),
  );

  mustEqual("nonce", answer.request.nonce, request.nonce);
  mustEqual("enc", answer.request.enc, request.algorithm);
  mustEqual("api-version", answer.request["api-version"], request.apiVersion);
  mustEqual("key type", key.kty, "oct-HSM");
  mustEqual("wrapping algorithm", wrapped.header.enc, request.algorithm);
  mustEqual("wrapping key", wrapped.header.kid, request.wrappingKeyId);
  const { host, name, version } = parseKeyId(key.kid);
  mustEqual("vault of the key", host, request.host);
  mustEqual("name of the key", name, request.keyName);
  return { ciphertext: Buffer.from(wrapped.ciphertext, "base64url"), version };
}

/** jose's messages repeat header parameters, which the other side chose, so they are replaced. */
async function verifiedPayload(jws: string, publicKey: KeyObject): Promise<Uint8Array> {
  try {
    return (await compactVerify(jws, publicKey, { algorithms: ["RS256"] })).payload;
  } catch (cause) {
    const what =
      cause instanceof errors.JWSSignatureVerificationFailed
        ? "signature verification failed"
        : "a signature of an unknown form";
    throw new Error(what, { cause });
  }
}

function read<T>(what: string, schema: z.ZodType<T>, source: () => unknown): T {
  let value: unknown;
  try {
    value = source();
  } catch (cause) {
    throw new Error(`a ${what} that cannot be read`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const path = parsed.error.issues[0]?.path.map(String).join(".") ?? "";
  throw new Error(`a ${what} with a missing or unexpected ${path === "" ? "value" : path}`);
}

function parseJson(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
}

function mustEqual(what: string, got: string, expected: string): void {
  if (got !== expected) throw new Error(`another ${what} than was asked for`);
}

/** `https://VAULT/keys/NAME/VERSION` */
function parseKeyId(kid: string): { host: string; name: string; version: string | undefined } {
  const url = new URL(kid);
  const [, keys, name = "", version] = url.pathname.split("/");
  if (keys !== "keys" || (version !== undefined && !versionForm.test(version))) {
    throw new Error("a key id of an unknown form");
  }
  return { host: url.hostname, name, version };
}
