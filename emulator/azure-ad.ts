import { createPublicKey, randomBytes, randomUUID, type KeyObject } from "node:crypto";
import express, { Router, type Response } from "express";
import { SignJWT, jwtVerify } from "jose";
import { z } from "zod";
import type { CertifiedKey } from "./certificates.js";
import { hosts, managedHsmResource } from "./hosts.js";

export interface Principal {
  clientId: string;
  clientSecret: string;
}

/** A tenant with two clients: the owners administer keys, the server may have them released. */
export interface Tenant {
  tenantId: string;
  owners: Principal;
  server: Principal;
}

export interface AzureAdOptions {
  tenants: readonly Tenant[];
  signer: CertifiedKey;
  /** Signs the tokens that a Kubernetes cluster gives the server's pods. */
  clusterKey: KeyObject;
  tokenLifetimeSeconds: number;
}

const authority = `https://${hosts.azureAd}`;
const kid = "emulated-azure-ad";

/** RFC 7523, section 2.2. */
const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const exchangeAudience = "api://AzureADTokenExchange";

const tokenRequest = z.object({
  client_id: z.string(),
  client_secret: z.string().optional(),
  client_assertion: z.string().optional(),
  client_assertion_type: z.literal(jwtBearer).optional(),
  grant_type: z.string(),
  scope: z.string(),
});

/** @param server a client of another tenant that has access to this one; by default a new client */
export function createTenant(server?: Principal): Tenant {
  const principal = (): Principal => ({
    clientId: randomUUID(),
    clientSecret: randomBytes(24).toString("base64url"),
  });
  return { tenantId: randomUUID(), owners: principal(), server: server ?? principal() };
}

/** The routes of OpenID discovery and of the token endpoint with the client credentials grant (RFC 6749, section 4.4). */
export function azureAdRoutes(options: AzureAdOptions): Router {
  const router = Router();
  const find = (id: unknown): Tenant | undefined =>
    options.tenants.find(({ tenantId }) => tenantId === id);

  router.get("/:tenant/v2.0/.well-known/openid-configuration", (request, response) => {
    const tenantId = find(request.params.tenant)?.tenantId;
    if (tenantId === undefined) {
      refuse(
        response,
        400,
        "invalid_tenant",
        90002,
        `Tenant '${request.params.tenant}' not found.`,
      );
      return;
    }
    response.json({
      issuer: issuerOf(tenantId),
      authorization_endpoint: `${authority}/${tenantId}/oauth2/v2.0/authorize`,
      token_endpoint: `${authority}/${tenantId}/oauth2/v2.0/token`,
      jwks_uri: `${authority}/${tenantId}/discovery/v2.0/keys`,
    });
  });

  router.post(
    "/:tenant/oauth2/v2.0/token",
    express.urlencoded({ extended: false }),
    async (request, response) => {
      const tenant = find(request.params["tenant"]);
      if (tenant === undefined) {
        refuse(response, 400, "invalid_request", 90002, "Tenant not found.");
        return;
      }
      const form = tokenRequest.safeParse(request.body);
      if (!form.success) {
        refuse(response, 400, "invalid_request", 900144, "The request body must contain more.");
        return;
      }
      const { client_id: clientId, grant_type: grant, scope } = form.data;
      const principal = [tenant.owners, tenant.server].find((one) => one.clientId === clientId);
      if (principal === undefined) {
        const text = `Application with identifier '${clientId}' was not found in the directory.`;
        refuse(response, 400, "unauthorized_client", 700016, text);
      } else if (
        form.data.client_assertion !== undefined &&
        !(await isPods(form.data.client_assertion, principal === tenant.server, options))
      ) {
        refuse(response, 401, "invalid_client", 700211, "No matching federated identity record.");
      } else if (
        form.data.client_assertion === undefined &&
        form.data.client_secret !== principal.clientSecret
      ) {
        refuse(response, 401, "invalid_client", 7000215, "Invalid client secret provided.");
      } else if (grant !== "client_credentials") {
        refuse(response, 400, "unsupported_grant_type", 70003, "The grant type is not supported.");
      } else if (!scope.split(" ").includes(`${managedHsmResource}/.default`)) {
        const text = `The resource principal named ${scope} was not found in the tenant.`;
        refuse(response, 400, "invalid_resource", 500011, text);
      } else {
        response.json(await grantToken(clientId, tenant.tenantId, options));
      }
    },
  );
  return router;
}

function issuerOf(tenantId: string): string {
  return `${authority}/${tenantId}/v2.0`;
}

async function grantToken(
  clientId: string,
  tenantId: string,
  { signer, tokenLifetimeSeconds }: AzureAdOptions,
): Promise<object> {
  const token = await new SignJWT({ appid: clientId, oid: clientId, tid: tenantId })
    .setProtectedHeader({ alg: "RS256", kid, typ: "JWT" })
    .setIssuer(issuerOf(tenantId))
    .setAudience(managedHsmResource)
    .setIssuedAt()
    .setNotBefore("0s")
    .setExpirationTime(Math.floor(Date.now() / 1000) + tokenLifetimeSeconds)
    .sign(signer.privateKey);
  return {
    token_type: "Bearer",
    // Clients would fetch a token that lasts less than a minute again for each request, so they are told an hour.
    expires_in: Math.max(tokenLifetimeSeconds, 3599),
    access_token: token,
  };
}

/** A service account token as Kubernetes mounts it into a pod with workload identity. */
export function podToken(clusterKey: KeyObject): Promise<string> {
  return new SignJWT({})
    .setProtectedHeader({ alg: "ES256" })
    .setSubject("system:serviceaccount:default:confml")
    .setAudience(exchangeAudience)
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(clusterKey);
}

/** Whether an assertion is a pod's token and the client is the server: no other client trusts the cluster. */
async function isPods(
  assertion: string,
  isServer: boolean,
  { clusterKey }: AzureAdOptions,
): Promise<boolean> {
  try {
    await jwtVerify(assertion, createPublicKey(clusterKey), {
      algorithms: ["ES256"],
      audience: exchangeAudience,
      requiredClaims: ["exp"],
    });
    return isServer;
  } catch {
    return false;
  }
}

/**
 * Verifies an access token as a resource does: signature, issuer, audience and times.
 *
 * @returns the client's ID
 * @throws jose's errors for a token that is not valid
 */
export async function verifyAccessToken(
  token: string,
  { tenantId }: Tenant,
  { signer }: Pick<AzureAdOptions, "signer">,
): Promise<string> {
  const { payload } = await jwtVerify(token, createPublicKey(signer.privateKey), {
    algorithms: ["RS256"],
    issuer: issuerOf(tenantId),
    audience: managedHsmResource,
    requiredClaims: ["exp", "appid"],
  });
  return z.string().parse(payload["appid"]);
}

/** Answers as Azure AD does: an OAuth error (RFC 6749, section 5.2) with Azure AD's own error number. */
function refuse(
  response: Response,
  status: number,
  error: string,
  number: number,
  text: string,
): void {
  response.locals["reason"] = text;
  response.status(status).json({
    error,
    error_description: `AADSTS${number}: ${text} Trace ID: ${randomUUID()}`,
    error_codes: [number],
  });
}
