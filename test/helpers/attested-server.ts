import { createHash, generateKeyPairSync, randomBytes, type KeyObject } from "node:crypto";
import { createSgxPlatform, type SgxPlatform } from "../../emulator/sgx-platform.js";
import { createQuote, type EnclaveReport } from "../../emulator/sgx-quote.js";
import type { PublicJwk } from "../../client/attestation/jwk.js";
import type { VerifyServerOptions } from "../../client/attestation/verify-server.js";
import { canonicalJson, type Json } from "../../client/canonical-json.js";
import { parseClientPolicy, type ClientPolicy } from "../../client/policy/client-policy.js";
import { readPemChain } from "../../client/quote/pem.js";
import type { TrustedRoot } from "../../client/quote/certificate-chain.js";

export const measurements = { mrenclave: "ab".repeat(32), mrsigner: "cd".repeat(32) } as const;
export const model = { name: "shapes", version: "1", sha256: "12".repeat(32) } as const;
export const config = "34".repeat(32);

/** The keys of a boot. */
export interface ServerKeys {
  encryption: KeyObject;
  signing: KeyObject;
  /** SHA-256 of the TLS key's SubjectPublicKeyInfo. */
  tls: Buffer;
}

export function createServerKeys(): ServerKeys {
  const key = (): KeyObject => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  return { encryption: key(), signing: key(), tls: randomBytes(32) };
}

export function publicJwk(key: KeyObject): PublicJwk {
  const { x = "", y = "" } = key.export({ format: "jwk" });
  return { crv: "P-256", kty: "EC", x, y };
}

export type RuntimeMembers = Record<string, Json | undefined>;

/** What a server would bind, as docs/decisions says. */
export function runtimeMembers(keys: ServerKeys, nonce: Uint8Array): RuntimeMembers {
  return {
    purpose: "confml-client-attestation",
    nonce: Buffer.from(nonce).toString("base64url"),
    tls: keys.tls.toString("base64url"),
    encryption: { ...publicJwk(keys.encryption) },
    signing: { ...publicJwk(keys.signing) },
    config,
    model,
    version: "0.1.0",
    time: Math.floor(Date.now() / 1000),
  };
}

export function toCanonicalBytes(members: RuntimeMembers): Buffer {
  const present = Object.entries(members).filter(([, value]) => value !== undefined);
  return Buffer.from(canonicalJson(Object.fromEntries(present) as Json));
}

/** Quotes a hash of these bytes, as a TEE of an emulated platform. */
export function quoteBytes(
  platform: SgxPlatform,
  data: Uint8Array,
  report: Partial<EnclaveReport> = {},
): Buffer {
  const reportData = Buffer.alloc(64);
  createHash("sha256").update(data).digest().copy(reportData);
  return createQuote(
    {
      mrenclave: Buffer.from(measurements.mrenclave, "hex"),
      mrsigner: Buffer.from(measurements.mrsigner, "hex"),
      productId: 1,
      securityVersion: 3,
      debuggable: false,
      reportData,
      ...report,
    },
    platform.quotingKeyPem,
  );
}

export interface EmulatedServer {
  platform: SgxPlatform;
  root: TrustedRoot;
  keys: ServerKeys;
  nonce: Buffer;
}

export async function createEmulatedServer(
  options: Parameters<typeof createSgxPlatform>[0] = {},
): Promise<EmulatedServer> {
  const platform = await createSgxPlatform(options);
  return {
    platform,
    root: emulatedRoot(platform),
    keys: createServerKeys(),
    nonce: randomBytes(32),
  };
}

export function emulatedRoot({ rootPem }: SgxPlatform): TrustedRoot {
  const [certificate = new Uint8Array()] = readPemChain(rootPem) ?? [];
  return { certificate, emulated: true };
}

/** The server's answer, and what a client that trusts the emulator checks it with. */
export function verification(
  { platform, root, keys, nonce }: EmulatedServer,
  change: {
    members?: RuntimeMembers;
    report?: Partial<EnclaveReport>;
    options?: Partial<VerifyServerOptions>;
  } = {},
): VerifyServerOptions & { attestation: Record<string, unknown> } {
  const runtimeData = toCanonicalBytes({ ...runtimeMembers(keys, nonce), ...change.members });
  const quote = quoteBytes(platform, runtimeData, change.report);
  const base = {
    attestation: {
      evidence: { type: "sgx", quote: quote.toString("base64url") },
      collateral: platform.collateral,
      runtime_data: runtimeData.toString("base64url"),
    },
    nonce,
    tlsKeySha256: keys.tls,
    policy: policyOf(),
    now: new Date(),
    roots: [root],
  };
  return { ...base, ...change.options } as typeof base;
}

type Members = Record<string, unknown>;

/** A policy with one branch: the measurement, and other conditions. */
export function policyOf(...conditions: readonly Members[]): ClientPolicy {
  const measured = { claim: "x-ms-sgx-mrenclave", equals: measurements.mrenclave };
  return parseClientPolicy(
    JSON.stringify({ version: "1.0.0", anyOf: [{ allOf: [measured, ...conditions] }] }),
  );
}
