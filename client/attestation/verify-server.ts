import type { Check } from "../check.js";
import { concatBytes, equalBytes, sha256, toBase64url, toHex } from "../encoding.js";
import type { ClientPolicy } from "../policy/client-policy.js";
import { evaluate, toChecks, type Claims } from "../policy/evaluate.js";
import { refusalCodeOf, serverClaims, withDefaults } from "../policy/server-claims.js";
import { quote } from "../policy/wording.js";
import type { TrustedRoot } from "../quote/certificate-chain.js";
import { verifyCollateral } from "../quote/collateral.js";
import { intelRoot } from "../quote/intel-root.js";
import { verifyQuote, type VerifiedQuote } from "../quote/verify-quote.js";
import { VerificationError, type RefusalCode } from "../verification-error.js";
import { readAttestation, type Attestation } from "./attestation.js";
import { isNonce, readRuntimeData, type RuntimeData } from "./runtime-data.js";

/** Finds the collateral of a quote, as parsed JSON; undefined where there is none. */
export type CollateralSource = (attestation: Attestation) => unknown;

export interface VerifyServerOptions {
  /** The answer of `GET /attestation`, as parsed JSON. */
  attestation: unknown;
  /**
   * The nonce of the request, 16 to 64 bytes. Undefined: freshness is not proved, only claimed by the server (`max-age`); for
   * saved attestations.
   */
  nonce: Uint8Array | undefined;
  /**
   * SHA-256 of the SubjectPublicKeyInfo that the server showed in the TLS handshake of the connection that the answer came by.
   * Undefined where there is no TLS or a browser hides it: then only what is encrypted to the attested key is protected.
   */
  tlsKeySha256: Uint8Array | undefined;
  policy: ClientPolicy;
  now: Date;
  /** Default: Intel's SGX root CA alone. */
  roots?: readonly TrustedRoot[];
  /** Default: the collateral in the answer. */
  collateral?: CollateralSource;
}

/** What a verified server proved. */
export interface ServerProof {
  checks: readonly Check[];
  claims: Claims;
  /** Its keys, model and configuration. */
  runtimeData: RuntimeData;
  /** MRENCLAVE or MRTD, hexadecimal. */
  measurement: string;
  /** Whether the evidence is emulated, and so proves nothing. */
  emulated: boolean;
  /** Whether the evidence answers the nonce. */
  fresh: boolean;
  /** Whether the TLS connection ends in the TEE. */
  tlsVerified: boolean;
}

/**
 * Verifies a server before anything is sent to it: the quote down to a trusted root, its binding to the runtime data, nonce, TLS
 * key, and the policy. It reads nothing but its arguments, apart from the collateral source.
 *
 * @throws VerificationError with a code for each cause; after the signatures, `checks` has the lines so far
 */
export async function verifyServer(options: VerifyServerOptions): Promise<ServerProof> {
  const { nonce, tlsKeySha256, policy, now } = options;
  if (nonce !== undefined && !isNonce(nonce))
    throw new RangeError("expected a nonce of 16 to 64 bytes");
  const attestation = readAttestation(options.attestation);
  const evidence = await verifyEvidence(attestation, options);
  const runtimeData = readRuntimeData(attestation.runtime_data);
  const checks: Check[] = [rootCheck(evidence)];
  const require = (check: Check, code: RefusalCode): void => {
    checks.push(check);
    if (!check.met) throw refusal(code, checks);
  };
  if (nonce !== undefined) {
    require(compare("nonce", toBase64url(nonce), runtimeData.nonce), "NONCE_MISMATCH");
  }
  if (tlsKeySha256 !== undefined) {
    require(compare("tls", toBase64url(tlsKeySha256), runtimeData.tls), "TLS_KEY_MISMATCH");
  }
  const claims = serverClaims(evidence, {
    modelSha256: runtimeData.model.sha256,
    configSha256: runtimeData.config,
    ageSeconds: Math.abs(Math.floor(now.getTime() / 1000) - runtimeData.time),
  });
  checks.push(...requirePolicy(policy, claims, evidence, checks));
  return {
    checks,
    claims,
    runtimeData,
    measurement: measurementOf(evidence),
    emulated: evidence.emulated,
    fresh: nonce !== undefined,
    tlsVerified: tlsKeySha256 !== undefined,
  };
}

/** Verifies the quote, and that it binds the runtime data. */
async function verifyEvidence(
  attestation: Attestation,
  { roots = [intelRoot], now, collateral: source = ownCollateral }: VerifyServerOptions,
): Promise<VerifiedQuote> {
  const collateral = await source(attestation);
  if (collateral === undefined || collateral === null) {
    throw new VerificationError(
      "COLLATERAL_MISSING",
      "the attestation has no collateral: fetch it from Intel or a PCCS, or give it as a file",
    );
  }
  const verified = await verifyCollateral(collateral, { roots, now });
  const evidence = await verifyQuote(attestation.evidence.quote, verified, { roots, now });
  if (evidence.body.type !== attestation.evidence.type) {
    throw new VerificationError(
      "ATTESTATION_MALFORMED",
      `the attestation: expected a quote of type ${attestation.evidence.type}, got ${evidence.body.type}`,
    );
  }
  const hash = await sha256(attestation.runtime_data);
  if (!equalBytes(evidence.reportData, concatBytes(hash, new Uint8Array(32)))) {
    throw new VerificationError(
      "RUNTIME_DATA_ALTERED",
      "the runtime data is not what the quote was made for: the quote's report data is another hash",
    );
  }
  return evidence;
}

function ownCollateral({ collateral }: Attestation): unknown {
  return collateral;
}

function measurementOf({ body }: VerifiedQuote): string {
  return toHex(body.type === "sgx" ? body.report.mrenclave : body.report.mrtd);
}

function rootCheck({ emulated }: VerifiedQuote): Check {
  const got = emulated ? "an emulator's root: this evidence proves nothing" : "Intel SGX Root CA";
  return { name: "root", wanted: "a trusted root", got, met: true };
}

function compare(name: string, wanted: string, got: unknown): Check {
  return { name, wanted: quote(wanted), got: quote(got), met: wanted === got };
}

/** @returns the lines of the first branch that is met */
function requirePolicy(
  { branches }: ClientPolicy,
  claims: Claims,
  { body }: VerifiedQuote,
  before: readonly Check[],
): Check[] {
  const evaluations = branches.map((branch) => evaluate(withDefaults(branch, body.type), claims));
  const met = evaluations.find((evaluation) => evaluation.met);
  if (met !== undefined) return toChecks(met);
  // The branch that comes closest says most about what is wrong.
  const unmet = (checks: readonly Check[]): number => checks.filter(({ met }) => !met).length;
  const [closest = []] = evaluations
    .map(toChecks)
    .toSorted((left, right) => unmet(left) - unmet(right));
  const failed = closest.find(({ met }) => !met);
  throw refusal(refusalCodeOf(failed?.name ?? ""), [...before, ...closest]);
}

function refusal(code: RefusalCode, checks: readonly Check[]): VerificationError {
  const failed = checks.filter(({ met }) => !met);
  const lines = failed.map(({ name, wanted, got }) => `${name}: expected ${wanted}, got ${got}`);
  return new VerificationError(code, lines.join("; "), { checks });
}
