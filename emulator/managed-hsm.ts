import { createHash, randomBytes } from "node:crypto";
import express, { Router, type Request, type RequestHandler, type Response } from "express";
import { CompactSign, type JWTPayload } from "jose";
import { z } from "zod";
import { verifyAccessToken, type AzureAdOptions, type Tenant } from "./azure-ad.js";
import {
  issuerOf,
  verifyAttestationToken,
  type AttestationAuthority,
} from "./attestation-service.js";
import type { CertifiedKey } from "./certificates.js";
import { hosts, managedHsmResource } from "./hosts.js";
import { encryptBody, encryptWith, listedKey, pageOf } from "./key-operations.js";
import { describeKey, keyId, KeyStore, type StoredKey } from "./key-store.js";
import { defaultWrapping, isKnownWrapping, wrapForRuntime } from "./key-wrap.js";
import { meetsPolicy, parsePolicy } from "./release-policy.js";
import { ServiceError, answerServiceError } from "./service-error.js";

export interface ManagedHsmOptions {
  host: string;
  tenant: Tenant;
  azureAd: Pick<AzureAdOptions, "signer">;
  /** The attestation services that policies may name. */
  authorities: readonly AttestationAuthority[];
  signer: CertifiedKey;
}

const keyBody = {
  attributes: z
    .object({ enabled: z.boolean().optional(), exportable: z.boolean().optional() })
    .optional(),
  release_policy: z.object({ contentType: z.string().optional(), data: z.base64url() }).optional(),
};
const importBody = z.object({
  ...keyBody,
  key: z.object({
    kty: z.literal("oct-HSM"),
    k: z.base64url(),
    key_ops: z.array(z.string()).optional(),
  }),
});
const createBody = z.object({
  ...keyBody,
  kty: z.literal("oct-HSM"),
  key_size: z.literal(256).optional(),
  key_ops: z.array(z.string()).optional(),
});
const releaseBody = z.object({
  target: z.string(),
  nonce: z.string().optional(),
  enc: z.string().optional(),
});
const defaultContentType = "application/json; charset=utf-8";

/** The routes of a Managed HSM: import, create, list, get, encrypt, and release under a policy. */
export function managedHsmRoutes(options: ManagedHsmOptions): Router {
  const store = new KeyStore(options.host);
  const router = Router();
  // Authentication comes before the body is read: a client's first request has neither token nor body.
  router.use(authenticate(options), express.json({ limit: "1mb" }), requireApiVersion);
  const { owners, server } = options.tenant;
  const ownersOnly = requireClient([owners.clientId]);
  const releasers = requireClient([owners.clientId, server.clientId]);

  router.put("/keys/:name", ownersOnly, (request, response) => {
    const { key, ...rest } = parse(importBody, request.body);
    const secret = Buffer.from(key.k, "base64url");
    if (![16, 24, 32].includes(secret.length)) {
      throw badParameter("The key is not of 128, 192 or 256 bits.");
    }
    const stored = addKey(store, param(request, "name"), secret, key.key_ops, rest);
    response.json(describeKey(stored));
  });
  router.post("/keys/:name/create", ownersOnly, (request, response) => {
    const { key_ops: operations, ...rest } = parse(createBody, request.body);
    const stored = addKey(store, param(request, "name"), randomBytes(32), operations, rest);
    response.json(describeKey(stored));
  });
  router.get("/keys", ownersOnly, (request, response) => {
    const newest = store.all().map((versions) => versions[versions.length - 1]);
    const listed = newest.filter((key) => key !== undefined);
    // IDs in this list have no version.
    const entries = listed.map((key) => listedKey(key, keyId(key).replace(/\/[^/]+$/u, "")));
    response.json(pageOf(entries, request));
  });
  router.get("/keys/:name/versions", ownersOnly, (request, response) => {
    const name = param(request, "name");
    const versions = store.all().find(([first]) => first?.name === name) ?? [];
    response.json(
      pageOf(
        versions.map((key) => listedKey(key, keyId(key))),
        request,
      ),
    );
  });
  router.post("/keys/:name/:version/encrypt", ownersOnly, (request, response) => {
    response.json(encryptWith(findKey(store, request), parse(encryptBody, request.body)));
  });
  router.get(["/keys/:name", "/keys/:name/:version"], ownersOnly, (request, response) => {
    response.json(describeKey(findKey(store, request)));
  });
  // The SDK sends `/keys/NAME//release` for a key without a version.
  const releasePaths = [
    /^\/keys\/(?<name>[^/]+)\/(?<version>[^/]*)\/release$/u,
    "/keys/:name/release",
  ];
  router.post(releasePaths, releasers, async (request, response) => {
    const body = parse(releaseBody, request.body);
    const key = findKey(store, request);
    const apiVersion = String(response.locals["apiVersion"]);
    response.json({ value: await release(key, body, apiVersion, options) });
  });
  router.use(() => {
    throw new ServiceError(404, "NotFound", "There is no such resource.");
  });
  router.use(answerServiceError);
  return router;
}

/** Requires an access token. The refusal has `WWW-Authenticate` as the real service sends it, and no body. */
function authenticate({ tenant, azureAd }: ManagedHsmOptions): RequestHandler {
  const challenge =
    `Bearer authorization="https://${hosts.azureAd}/${tenant.tenantId}", ` +
    `resource="${managedHsmResource}"`;
  return async (request, response, next) => {
    const [scheme, token = ""] = (request.headers.authorization ?? "").split(" ");
    try {
      if (scheme !== "Bearer") throw new Error("no bearer token");
      response.locals["client"] = await verifyAccessToken(token, tenant, azureAd);
    } catch (error) {
      response.locals["reason"] = error instanceof Error ? error.message : "a bad token";
      response.status(401).set("WWW-Authenticate", challenge).end();
      return;
    }
    next();
  };
}

/** Emulates role assignments: owners administer keys, the server has only "Crypto Service Release User". */
function requireClient(clients: string[]): RequestHandler {
  return (_request, response: Response, next) => {
    if (clients.includes(String(response.locals["client"]))) {
      next();
      return;
    }
    throw new ServiceError(403, "Forbidden", "The client has no role that allows this.");
  };
}

const requireApiVersion: RequestHandler = (request, response, next) => {
  const version = request.query["api-version"];
  if (typeof version !== "string") {
    throw new ServiceError(400, "BadParameter", "The query parameter api-version is missing.");
  }
  response.locals["apiVersion"] = version;
  next();
};

function addKey(
  store: KeyStore,
  name: string,
  secret: Buffer,
  operations: string[] | undefined,
  { attributes, release_policy: policy }: z.infer<z.ZodObject<typeof keyBody>>,
): StoredKey {
  const exportable = attributes?.exportable === true;
  if (exportable !== (policy !== undefined)) {
    throw badParameter("An exportable key, and no other, needs a release policy.");
  }
  return store.add(name, {
    secret,
    operations: operations ?? ["encrypt", "decrypt"],
    enabled: attributes?.enabled !== false,
    exportable,
    releasePolicy: policy === undefined ? undefined : readPolicy(policy),
  });
}

function readPolicy({
  data,
  contentType = defaultContentType,
}: {
  data: string;
  contentType?: string | undefined;
}): StoredKey["releasePolicy"] {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(data, "base64url").toString("utf8"));
  } catch {
    throw badParameter("The release policy is no JSON.");
  }
  const parsed = parsePolicy(json);
  if (parsed === undefined) throw badParameter("The release policy does not follow its grammar.");
  return { contentType, data, parsed };
}

function findKey(store: KeyStore, request: Request): StoredKey {
  const name = param(request, "name");
  const key = store.find(name, param(request, "version"));
  if (key !== undefined) return key;
  throw new ServiceError(404, "KeyNotFound", `A key with (name/id) ${name} was not found.`);
}

function param(request: Request, name: string): string {
  const value = request.params[name];
  return typeof value === "string" ? value : "";
}

async function release(
  key: StoredKey,
  { target, nonce, enc = defaultWrapping }: z.infer<typeof releaseBody>,
  apiVersion: string,
  { authorities, signer }: ManagedHsmOptions,
): Promise<string> {
  if (!isKnownWrapping(enc)) throw badParameter(`The enc ${enc} is not supported.`);
  if (!key.enabled) throw new ServiceError(403, "Forbidden", "The key is disabled.");
  if (!key.exportable || key.releasePolicy === undefined) {
    throw new ServiceError(403, "Forbidden", "The key is not exportable.");
  }
  const { claims, issuer } = await readTarget(target, authorities);
  if (!meetsPolicy(key.releasePolicy.parsed, issuer, claims)) {
    throw new ServiceError(403, "Forbidden", "The target does not meet the key's release policy.");
  }
  const wrapped = wrapForRuntime(key.secret, claims["x-ms-runtime"], enc);
  if (wrapped === undefined) throw badParameter("The target holds no key to wrap with.");
  const keyHsm = {
    ciphertext: wrapped.ciphertext.toString("base64url"),
    header: { alg: "dir", enc, kid: wrapped.kid },
    schema_version: "1.0",
  };
  const { attributes, key: jwk, release_policy: policy } = releaseParts(key);
  const payload = {
    request: { "api-version": apiVersion, enc, kid: keyId(key), nonce: nonce ?? "" },
    response: {
      key: {
        attributes,
        key: { ...jwk, key_hsm: Buffer.from(JSON.stringify(keyHsm)).toString("base64url") },
        release_policy: policy,
      },
    },
  };
  const [leaf] = signer.chain;
  return new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({
      alg: "RS256",
      kid: "emulated-managed-hsm",
      x5c: signer.chain.map((certificate) => certificate.toString("base64")),
      "x5t#S256": createHash("sha256")
        .update(leaf ?? "")
        .digest("base64url"),
    })
    .sign(signer.privateKey);
}

const described = z.object({
  attributes: z.unknown(),
  key: z.looseObject({}),
  release_policy: z.unknown(),
});

function releaseParts(key: StoredKey): z.infer<typeof described> {
  return described.parse(describeKey(key));
}

async function readTarget(
  target: string,
  authorities: ManagedHsmOptions["authorities"],
): Promise<{ claims: JWTPayload; issuer: string }> {
  for (const authority of authorities) {
    try {
      const claims = await verifyAttestationToken(target, authority);
      return { claims, issuer: issuerOf(authority) };
    } catch {
      // Another authority may have issued it.
    }
  }
  const message = "The target is not a valid attestation token of a known authority.";
  throw new ServiceError(403, "Forbidden", message);
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw badParameter("The request body is not of the documented form.");
}

function badParameter(message: string): ServiceError {
  return new ServiceError(400, "BadParameter", message);
}
