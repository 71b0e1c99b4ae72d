import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { afterEach, describe, expect, test } from "@jest/globals";
import axios from "axios";
import type { RequestHandler } from "express";
import { startEmulator, type Emulator, type EmulatorOptions } from "../../../emulator/server.js";
import { importKey } from "../../../scripts/demo/owners.js";
import { AttestationService } from "../../../src/attestation/service.js";
import type { EvidenceProvider } from "../../../src/attestation/evidence.js";
import type { SecretEntry } from "../../../src/config/schema.js";
import { createTransport } from "../../../src/net/transport.js";
import { MhsmReleaseClient } from "../../../src/secrets/mhsm/client.js";
import { createCredential } from "../../../src/secrets/mhsm/credential.js";
import {
  attestationUrl,
  azureClients,
  mrenclave,
  policyFor,
  quoteOver,
  vaultUrl,
} from "../../helpers/azure-clients.js";

const secret: SecretEntry = {
  ID: "ModelKey",
  SrsAddress: vaultUrl,
  SrsApiVersion: "7.3-preview",
  LocalPath: "/model.key",
  ClientLib: "mhsm",
};
const never = new AbortController().signal;
const key = createHash("sha256").update("a key").digest();

let cleanUp: (() => Promise<void>) | undefined;

afterEach(async () => {
  await cleanUp?.();
  cleanUp = undefined;
});

interface Part {
  clientSecret?: string;
  audience?: string;
  /** Bytes that stand in the vault as the key. */
  key?: Buffer;
  reportData?: (data: Uint8Array) => Uint8Array;
}

async function arrange(
  interceptors: EmulatorOptions["interceptors"] = {},
  part: Part = {},
): Promise<{ client: MhsmReleaseClient; emulator: Emulator }> {
  const intercepting = { on: false };
  const wrapped = Object.fromEntries(
    Object.entries(interceptors).map(([service, handler]) => {
      const guarded: RequestHandler = (request, response, next) => {
        if (intercepting.on) void handler(request, response, next);
        else next();
      };
      return [service, guarded];
    }),
  );
  const emulator = await startEmulator({ modelsFolder: tmpdir(), interceptors: wrapped });
  const { agent } = azureClients(emulator);
  const { tenantId, owners, server } = emulator.tenant;
  await importKey(
    { url: vaultUrl, tenantId, ...owners, agent },
    secret.ID,
    part.key ?? key,
    policyFor(mrenclave),
  );
  intercepting.on = true;

  const transport = createTransport({
    ca: emulator.caPem,
    connect: `127.0.0.1:${emulator.port}`,
  });
  cleanUp = async () => {
    agent.destroy();
    transport.agent.destroy();
    await emulator.close();
  };
  const evidence: EvidenceProvider = {
    collect: (reportData) => {
      const padded = Buffer.alloc(64);
      padded.set(part.reportData?.(reportData) ?? reportData);
      return Promise.resolve({
        type: "SgxEnclave",
        quote: quoteOver(emulator, Buffer.alloc(0), { reportData: padded }),
      });
    },
  };
  const client = new MhsmReleaseClient({
    transport,
    evidence,
    attestation: new AttestationService({
      endpoint: attestationUrl,
      http: axios.create({ httpsAgent: transport.agent, proxy: false }),
      onRetry: () => {},
    }),
    credential: createCredential({
      tenantId,
      clientId: server.clientId,
      clientSecret: part.clientSecret ?? server.clientSecret,
      transport,
      ...(part.audience === undefined ? {} : { audience: part.audience }),
    }),
  });
  return { client, emulator };
}

describe("the Managed HSM client", () => {
  test("releases the very key that its owner imported, and names its version", async () => {
    const { client } = await arrange();
    const released = await client.release(secret, never);
    expect(released.key).toEqual(key);
    expect(released.version).toMatch(/^[0-9a-f]{32}$/u);
  });

  test("makes a new wrapping key for each release", async () => {
    const seen: string[] = [];
    const { client } = await arrange(
      {},
      {
        reportData: (data) => {
          seen.push(Buffer.from(data).toString("hex"));
          return data;
        },
      },
    );
    await client.release(secret, never);
    await client.release(secret, never);
    expect(new Set(seen).size).toBe(2);
  });

  test("asks for tokens of the resource that it is told", async () => {
    const told = await arrange({}, { audience: "https://managedhsm.azure.net/" });
    await expect(told.client.release(secret, never)).resolves.toMatchObject({ key });
    await cleanUp?.();
    const mistold = await arrange({}, { audience: "https://vault.azure.net" });
    await expect(mistold.client.release(secret, never)).rejects.toMatchObject({
      code: "TOKEN_REFUSED",
      message: expect.stringContaining("AADSTS500011"),
    });
  });

  test.each([16, 24])("refuses a key of %i bytes", async (length) => {
    const { client } = await arrange({}, { key: Buffer.alloc(length, 3) });
    await expect(client.release(secret, never)).rejects.toMatchObject({
      code: "RELEASE_INVALID",
      message: expect.stringContaining("does not unwrap to a key of 32 bytes"),
    });
  });

  test("is refused with evidence for another wrapping key", async () => {
    const { client } = await arrange({}, { reportData: () => Buffer.alloc(32, 1) });
    await expect(client.release(secret, never)).rejects.toMatchObject({
      code: "ATTESTATION_REFUSED",
    });
  });

  const releaseAnswer =
    (status: number, body: string, type = "application/json"): RequestHandler =>
    (request, response, next) => {
      if (request.method === "POST" && request.headers.authorization !== undefined) {
        response.status(status).type(type).send(body);
      } else next();
    };

  test.each<[string, string, RequestHandler]>([
    ["an answer without a value", "RELEASE_FAILED", releaseAnswer(200, "{}")],
    ["a value that is no JWS", "RELEASE_INVALID", releaseAnswer(200, '{"value":"nonsense"}')],
    ["a page of HTML", "RELEASE_FAILED", releaseAnswer(200, "<html></html>", "text/html")],
    ["a refusal", "RELEASE_REFUSED", releaseAnswer(403, '{"error":{"code":"Forbidden"}}')],
    ["a bad request", "RELEASE_REFUSED", releaseAnswer(400, '{"error":{"code":"BadParameter"}}')],
    ["an empty error", "RELEASE_FAILED", releaseAnswer(403, "")],
  ])("meets %s with %s", async (_what, code, managedHsm) => {
    const { client } = await arrange({ managedHsm });
    await expect(client.release(secret, never)).rejects.toMatchObject({ code });
  });

  test("says who refused: Azure AD", async () => {
    const { client } = await arrange({}, { clientSecret: "wrong" });
    const attempt = client.release(secret, never);
    await expect(attempt).rejects.toMatchObject({ code: "TOKEN_REFUSED" });
    await expect(attempt).rejects.toThrow(
      /got AADSTS7000215: Invalid client secret provided\. Check/u,
    );
  });

  test("tries an attestation service again that fails for a moment", async () => {
    let calls = 0;
    const { client } = await arrange({
      attestation: (_request, response, next) => {
        calls += 1;
        if (calls === 1) response.status(503).set("Retry-After", "0").end();
        else next();
      },
    });
    await expect(client.release(secret, never)).resolves.toMatchObject({ key });
    expect(calls).toBe(2);
  });
});
