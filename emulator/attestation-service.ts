import { createHash, createPublicKey, randomUUID } from "node:crypto";
import express, { Router } from "express";
import { SignJWT, jwtVerify, type JWTPayload } from "jose";
import { z } from "zod";
import type { CertifiedKey } from "./certificates.js";
import { ServiceError, answerServiceError } from "./service-error.js";
import { verifyQuote, type EnclaveReport } from "./sgx-quote.js";

export interface AttestationServiceOptions {
  host: string;
  /** Signs the tokens. */
  signer: CertifiedKey;
  /** The key that the emulated evidence provider signs quotes with, and its certification. */
  quotingKeyPem: string;
  tokenLifetimeSeconds: number;
}

const kid = "emulated-attestation";

const runtimeData = z.object({ data: z.base64url(), dataType: z.enum(["JSON", "Binary"]) });
const sgxRequest = z.object({ quote: z.base64url(), runtimeData, nonce: z.string().optional() });

/** The routes `POST /attest/SgxEnclave` and `GET /certs` of Microsoft Azure Attestation. */
export function attestationRoutes(options: AttestationServiceOptions): Router {
  const router = Router();
  const json = express.json({ limit: "1mb" });

  router.post("/attest/SgxEnclave", json, async (request, response) => {
    requireApiVersion(request.query["api-version"]);
    const body = parse(sgxRequest, request.body);
    const quote = Buffer.from(body.quote, "base64url");
    response.json({ token: await attest(quote, body.runtimeData, body.nonce, options) });
  });
  router.get("/certs", (_request, response) => {
    const x5c = options.signer.chain.map((certificate) => certificate.toString("base64"));
    // Without n and e, as the real service answers: clients have to take the key from the certificate.
    response.json({ keys: [{ kty: "RSA", kid, use: "sig", x5c }] });
  });
  router.use(answerServiceError);
  return router;
}

/** What a vault knows of an attestation service. */
export type AttestationAuthority = Pick<AttestationServiceOptions, "host" | "signer">;

/** The `iss` of an attestation service's tokens. */
export function issuerOf({ host }: Pick<AttestationServiceOptions, "host">): string {
  return `https://${host}`;
}

/**
 * Verifies an attestation token as a vault does: signature, issuer and times.
 *
 * @returns its claims
 * @throws jose's errors for a token that is not valid
 */
export async function verifyAttestationToken(
  token: string,
  authority: AttestationAuthority,
): Promise<JWTPayload> {
  const { payload } = await jwtVerify(token, createPublicKey(authority.signer.privateKey), {
    algorithms: ["RS256"],
    issuer: issuerOf(authority),
    requiredClaims: ["exp", "nbf"],
  });
  return payload;
}

async function attest(
  quote: Buffer,
  runtime: z.infer<typeof runtimeData>,
  nonce: string | undefined,
  { host, signer, quotingKeyPem, tokenLifetimeSeconds }: AttestationServiceOptions,
): Promise<string> {
  const issuer = issuerOf({ host });
  const report = verifyQuote(quote, quotingKeyPem);
  if (report === undefined) {
    throw new ServiceError(400, "InvalidQuote", "The quote is not signed by a known quoting key.");
  }
  const data = Buffer.from(runtime.data, "base64url");
  const digest = createHash("sha256").update(data).digest();
  if (!report.reportData.subarray(0, digest.length).equals(digest)) {
    const message = "The quote's report data is not the hash of the runtime data.";
    throw new ServiceError(400, "InvalidParameter", message);
  }
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ ...sgxClaims(report), ...runtimeClaims(runtime, data), ...maybe(nonce) })
    .setProtectedHeader({ alg: "RS256", jku: `${issuer}/certs`, kid, typ: "JWT" })
    .setIssuer(issuer)
    .setIssuedAt(now)
    .setNotBefore(now)
    .setExpirationTime(now + tokenLifetimeSeconds)
    .setJti(randomUUID())
    .sign(signer.privateKey);
}

function sgxClaims(report: EnclaveReport): JWTPayload {
  return {
    "x-ms-ver": "1.0",
    "x-ms-attestation-type": "sgx",
    "x-ms-policy-hash": createHash("sha256").update("emulated policy").digest("base64url"),
    "x-ms-sgx-is-debuggable": report.debuggable,
    "x-ms-sgx-mrenclave": report.mrenclave.toString("hex"),
    "x-ms-sgx-mrsigner": report.mrsigner.toString("hex"),
    "x-ms-sgx-product-id": report.productId,
    "x-ms-sgx-svn": report.securityVersion,
    "x-ms-sgx-report-data": report.reportData.toString("hex"),
    "x-ms-sgx-collateral": {},
  };
}

function runtimeClaims(runtime: z.infer<typeof runtimeData>, data: Buffer): JWTPayload {
  if (runtime.dataType === "Binary") return { "x-ms-sgx-ehd": runtime.data };
  try {
    return { "x-ms-runtime": z.json().parse(JSON.parse(data.toString("utf8"))) };
  } catch {
    throw new ServiceError(400, "InvalidParameter", "The runtime data is no JSON.");
  }
}

function maybe(nonce: string | undefined): JWTPayload {
  return nonce === undefined ? {} : { nonce };
}

function requireApiVersion(version: unknown): void {
  if (typeof version === "string" && version !== "") return;
  throw new ServiceError(400, "InvalidParameter", "The query parameter api-version is missing.");
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new ServiceError(
    400,
    "InvalidParameter",
    "The request body is not of the documented form.",
  );
}
