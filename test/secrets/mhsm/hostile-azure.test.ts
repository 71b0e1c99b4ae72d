import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { KeyClient } from "@azure/keyvault-keys";
import type { Request } from "express";
import { hosts, managedHsmResource } from "../../../emulator/hosts.js";
import { startEmulator, type Emulator } from "../../../emulator/server.js";
import { AttestationService } from "../../../src/attestation/service.js";
import { readEnvironment } from "../../../src/config/environment.js";
import { BootError } from "../../../src/errors.js";
import { createTransport, type Transport } from "../../../src/net/transport.js";
import { explainAzureFailure } from "../../../src/secrets/mhsm/azure-failure.js";
import { AzureError, AzureSession } from "../../../src/secrets/mhsm/azure-session.js";
import { createCredential } from "../../../src/secrets/mhsm/credential.js";
import { attestationUrl, vaultUrl } from "../../helpers/azure-clients.js";
import { sharedCertificates } from "../../helpers/certificates.js";
import { hostileAnswers } from "../../helpers/hostile-answers.js";
import { secret } from "../../helpers/release-client.js";
import { expectNoPieces } from "../../helpers/secret-pieces.js";

/** Where a hostile answer comes: each is a request of its own. */
const places = {
  "Azure AD's discovery": (request: Request) => request.path.endsWith("openid-configuration"),
  "Azure AD's token": (request: Request) => request.path.endsWith("/token"),
  "the attestation service": (request: Request) => request.path.startsWith("/attest/"),
  "the vault's challenge": (request: Request) =>
    request.path.startsWith("/keys/") && request.headers.authorization === undefined,
  "the vault's release": (request: Request) =>
    request.path.startsWith("/keys/") && request.headers.authorization !== undefined,
};
type Place = keyof typeof places;

const clientSecret = randomBytes(24).toString("base64url");
const answers = hostileAnswers(clientSecret);
const otherAuthority = `https://${hosts.models}`;
/** The one answer that is ended by time alone, and not by what it is. */
const endless = "a body that drips";
const hostile: { place?: Place; answer: number; asked: number } = { answer: 0, asked: 0 };
let emulator: Emulator;
let transport: Transport;

beforeAll(async () => {
  const interceptor: NonNullable<Parameters<typeof startEmulator>[0]["interceptors"]>["azureAd"] = (
    request,
    response,
    next,
  ) => {
    const isHere = hostile.place !== undefined && places[hostile.place](request);
    const handler = answers[hostile.answer]?.[1];
    if (!isHere || handler === undefined) {
      next();
      return;
    }
    hostile.asked += 1;
    void handler(request, response, next);
  };
  emulator = await startEmulator({
    modelsFolder: tmpdir(),
    certificates: await sharedCertificates(),
    interceptors: {
      azureAd: interceptor,
      models: interceptor,
      attestation: interceptor,
      managedHsm: interceptor,
    },
  });
  transport = createTransport({ ca: emulator.caPem, connect: `127.0.0.1:${emulator.port}` });
});

afterAll(async () => {
  transport.agent.destroy();
  await emulator.close();
});

/** What a release that meets such an answer ends in. */
async function meet(place: Place, attemptTimeoutMs: number): Promise<unknown> {
  const ending = new AbortController();
  const { signal } = ending;
  if (place === "the attestation service") {
    const service = new AttestationService({
      endpoint: attestationUrl,
      transport,
      attemptTimeoutMs,
    });
    const evidence = { type: "SgxEnclave", fields: { quote: Buffer.alloc(1) } };
    const onRetry = (): void => {
      ending.abort();
    };
    return service
      .attest(evidence, Buffer.from("{}"), { signal, onRetry })
      .catch((e: unknown) => e);
  }
  const session = new AzureSession({ transport, signal, attemptTimeoutMs });
  const { tenantId, server } = emulator.tenant;
  const environment = readEnvironment({
    APP_ID: tenantId,
    CLIENT_ID: server.clientId,
    CLIENT_SECRET: place.startsWith("Azure AD") ? clientSecret : server.clientSecret,
  });
  const operation = async (): Promise<unknown> => {
    const credential = await createCredential({
      environment,
      tenantId: undefined,
      // MSAL knows the public one without asking.
      authority: place === "Azure AD's discovery" ? otherAuthority : undefined,
      session,
    });
    if (place.startsWith("Azure AD")) {
      return await credential.getToken(`${managedHsmResource}/.default`);
    }
    const client = new KeyClient(vaultUrl, credential, session.clientOptions("vault"));
    return client.releaseKey("ModelKey", "a.b.c");
  };
  return session.run(operation).catch((error: unknown) => {
    if (!(error instanceof AzureError)) throw error;
    return explainAzureFailure(error, secret);
  });
}

describe.each(Object.keys(places) as Place[])("a hostile answer of %s", (place) => {
  test("is bounded in time and size, and its text is not in the error", async () => {
    hostile.place = place;
    for (const [index, [what]] of answers.entries()) {
      Object.assign(hostile, { answer: index, asked: 0 });
      // The answer before may be about to close its connection.
      transport.agent.destroy();
      const timeoutMs = what === endless ? 300 : 10_000;
      const start = performance.now();
      const outcome = await meet(place, timeoutMs);
      const tookMs = performance.now() - start;
      const told = outcome instanceof BootError ? outcome.message : JSON.stringify(outcome ?? null);
      // A wrong answer may still be of the form that a caller of this one has to judge.
      if (!(outcome instanceof BootError))
        expect({ what, told }).toMatchObject({ told: /token|value|null/u });
      // A challenge for claims is taken up once.
      const asked = what === "a challenge for claims" ? expect.any(Number) : 1;
      expect({ what, told, asked: hostile.asked }).toEqual({ what, told, asked });
      if (outcome instanceof BootError) {
        expect(told.length).toBeLessThan(500);
        expectNoPieces(told, clientSecret);
      }
      expect({ what, inTime: tookMs < 5000 }).toEqual({ what, inTime: true });
    }
    delete hostile.place;
  }, 60_000);
});
