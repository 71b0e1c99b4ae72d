import { EventEmitter, once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { decodeJwt } from "jose";
import { hosts } from "../../emulator/hosts.js";
import { startEmulator, type Emulator } from "../../emulator/server.js";
import { importKey } from "../../scripts/demo/owners.js";
import {
  attest,
  azureClients,
  mrenclave,
  policyFor,
  quoteOver,
  runtimeKey,
  vaultUrl,
  type AzureClients,
} from "../helpers/azure-clients.js";

let folder = "";
let emulator: Emulator;
let clients: AzureClients;
const runtime = runtimeKey();
const scope = "https://managedhsm.azure.net/.default";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-emulator-"));
  await writeFile(join(folder, "model.bin"), "0123456789");
  emulator = await startEmulator({ modelsFolder: folder });
  clients = azureClients(emulator);
  const { tenantId, owners } = emulator.tenant;
  const vault = { url: vaultUrl, tenantId, ...owners, agent: clients.agent };
  await importKey(vault, "Known", Buffer.alloc(32, 5), policyFor(mrenclave));
  await importKey(vault, "ForOthers", Buffer.alloc(32, 5), policyFor("cd".repeat(32)));
});

afterAll(async () => {
  clients.agent.destroy();
  await emulator.close();
  await rm(folder, { recursive: true });
});

async function token(): Promise<string> {
  const { token: value } = await attest(clients, quoteOver(emulator, runtime.data), runtime.data);
  return value;
}

describe("the emulated Azure AD", () => {
  test("refuses a wrong client secret as Azure AD does", async () => {
    await expect(clients.credential("server", "wrong").getToken(scope)).rejects.toMatchObject({
      name: "AuthenticationRequiredError",
      message: expect.stringContaining("AADSTS7000215"),
    });
  });

  test("refuses a token for anything but a Managed HSM", async () => {
    const foreign = "https://vault.azure.net/.default";
    await expect(clients.credential("server").getToken(foreign)).rejects.toThrow(/AADSTS500011/u);
  });
});

describe("the emulated attestation service", () => {
  test("puts the claims of the quote into its token", async () => {
    expect(decodeJwt(await token())).toMatchObject({
      iss: `https://${hosts.attestation}`,
      "x-ms-attestation-type": "sgx",
      "x-ms-sgx-mrenclave": mrenclave,
      "x-ms-sgx-is-debuggable": true,
      "x-ms-runtime": { keys: [{ kid: "runtime-key", kty: "RSA" }] },
    });
  });

  test("refuses a quote with a byte changed", async () => {
    const quote = quoteOver(emulator, runtime.data);
    for (let at = 0; at < quote.length; at += 97) {
      const changed = Buffer.from(quote);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(await attest(clients, changed, runtime.data)).toMatchObject({
        status: 400,
        code: "InvalidQuote",
      });
    }
  });

  test("refuses runtime data other than those whose hash the quote has", async () => {
    const other = runtimeKey("another").data;
    expect(await attest(clients, quoteOver(emulator, runtime.data), other)).toMatchObject({
      status: 400,
      code: "InvalidParameter",
    });
  });
});

describe("the emulated Managed HSM", () => {
  const release = async (name: string, target: string, role: "server" | "owners" = "server") =>
    clients.keyClient(role).releaseKey(name, target, { algorithm: "RSA_AES_KEY_WRAP_256" });

  test("releases a key if the token meets the release policy", async () => {
    const { value } = await release("Known", await token());
    expect(value).toMatch(/^eyJ/u);
  });

  test.each([
    ["a claim that the policy does not allow", "ForOthers", async () => token(), 403],
    ["an unknown key", "Unknown", async () => token(), 404],
    [
      "an attestation token with a changed signature",
      "Known",
      async () => (await token()).replace(/.{6}$/u, "AAAAAA"),
      403,
    ],
    [
      "an attestation token with changed claims",
      "Known",
      async () => {
        const [header, payload = "", signature] = (await token()).split(".");
        const claims = { ...decodeJwt(`${String(header)}.${payload}.`), extra: true };
        const changed = Buffer.from(JSON.stringify(claims)).toString("base64url");
        return [header, changed, signature].join(".");
      },
      403,
    ],
  ])("refuses %s", async (_what, name, target, statusCode) => {
    await expect(release(name, await target())).rejects.toMatchObject({ statusCode });
  });

  test("refuses a key that is not exportable", async () => {
    await clients.keyClient("owners").createKey("Kept", "oct-HSM", { keySize: 256 });
    await expect(release("Kept", await token())).rejects.toMatchObject({ statusCode: 403 });
  });

  test("lets the server's principal do nothing but release", async () => {
    const client = clients.keyClient("server");
    await expect(client.getKey("Known")).rejects.toMatchObject({ statusCode: 403 });
    await expect(
      client.importKey("New", { kty: "oct-HSM", k: Buffer.alloc(32) }),
    ).rejects.toMatchObject({ statusCode: 403 });
  });

  test("refuses a call without a token, with an invalid one, or without an API version", async () => {
    const url = `${vaultUrl}/keys/Known/release?api-version=7.3`;
    const challenge = await clients.http.post(url, {});
    expect(challenge.status).toBe(401);
    expect(challenge.data).toBe("");
    expect(challenge.headers["www-authenticate"]).toBe(
      `Bearer authorization="https://login.microsoftonline.com/${emulator.tenant.tenantId}", resource="https://managedhsm.azure.net"`,
    );

    const access = (await clients.credential("server").getToken(scope)).token;
    const changed = access.replace(/.{6}$/u, "AAAAAA");
    const withToken = (bearer: string, to = url) =>
      clients.http.post(to, {}, { headers: { authorization: `Bearer ${bearer}` } });
    expect((await withToken(changed)).status).toBe(401);
    expect((await withToken(await token())).status).toBe(401);
    expect((await withToken(access, url.replace(/\?.*/u, ""))).status).toBe(400);
  });

  test("refuses an expired access token", async () => {
    const records = new EventEmitter();
    // It may be written down a little later than the answer is here.
    const refused = once(records, "401");
    const late = await startEmulator({
      modelsFolder: folder,
      accessTokenLifetimeSeconds: -10,
      onRequest: (record) => records.emit(String(record.status), record),
    });
    const lateClients = azureClients(late);
    try {
      const access = (await lateClients.credential("server").getToken(scope)).token;
      const answer = await lateClients.http.post(
        `${vaultUrl}/keys/Known/release?api-version=7.3`,
        {},
        { headers: { authorization: `Bearer ${access}` } },
      );
      expect(answer.status).toBe(401);
      expect(await refused).toMatchObject([{ reason: expect.stringContaining("exp") }]);
    } finally {
      lateClients.agent.destroy();
      await late.close();
    }
  });

  test("refuses an expired attestation token", async () => {
    const late = await startEmulator({
      modelsFolder: folder,
      attestationTokenLifetimeSeconds: -10,
    });
    const lateClients = azureClients(late);
    try {
      const { tenantId, owners } = late.tenant;
      const vault = { url: vaultUrl, tenantId, ...owners, agent: lateClients.agent };
      await importKey(vault, "Known", Buffer.alloc(32, 5), policyFor(mrenclave));
      const { token: expired } = await attest(
        lateClients,
        quoteOver(late, runtime.data),
        runtime.data,
      );
      const client = lateClients.keyClient("server");
      await expect(client.releaseKey("Known", expired)).rejects.toMatchObject({ statusCode: 403 });
    } finally {
      lateClients.agent.destroy();
      await late.close();
    }
  });
});

describe("the emulated web", () => {
  const get = (path: string, headers: Record<string, string> = {}) =>
    clients.http.get<string>(`https://${hosts.models}${path}`, { headers, responseType: "text" });

  test("serves a file, and a range of it", async () => {
    expect((await get("/model.bin")).status).toBe(200);
    const part = await get("/model.bin", { range: "bytes=4-" });
    expect([part.status, part.data, part.headers["content-range"]]).toEqual([
      206,
      "456789",
      "bytes 4-9/10",
    ]);
  });

  test("serves nothing outside its folder, and no other host", async () => {
    expect([403, 404]).toContain((await get("/..%2f..%2fetc%2fpasswd")).status);
    expect((await get("/nothing")).status).toBe(404);
    const foreign = { headers: { host: "unknown.example" }, httpsAgent: clients.agent };
    await expect(clients.http.get(`https://${hosts.models}/model.bin`, foreign)).rejects.toThrow(
      /not in the cert's altnames/u,
    );
  });
});
