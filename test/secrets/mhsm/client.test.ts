import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { KeyWrapAlgorithm } from "../../../src/crypto/key-unwrap.js";
import { attestationUrl, mrenclave } from "../../helpers/azure-clients.js";
import {
  key,
  secret,
  setReleaseScene,
  type Arrangement,
  type ReleaseScene,
} from "../../helpers/release-client.js";

let scene: ReleaseScene | undefined;

afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

async function arrange(...options: Parameters<typeof setReleaseScene>): Promise<ReleaseScene> {
  scene = await setReleaseScene(...options);
  return scene;
}

describe("the Managed HSM client", () => {
  test("releases the key that the owner imported, and names its version", async () => {
    const { client, context } = await arrange();
    const released = await client.release(secret, context);
    expect(released.key).toEqual(key);
    expect(released.version).toMatch(/^[0-9a-f]{32}$/u);
    expect(context.retries).toEqual([]);
  });

  test.each<KeyWrapAlgorithm>([
    "CKM_RSA_AES_KEY_WRAP",
    "RSA_AES_KEY_WRAP_256",
    "RSA_AES_KEY_WRAP_384",
  ])("has the key wrapped with %s if the configuration says so", async (algorithm) => {
    const { client, context } = await arrange({}, { algorithm });
    await expect(client.release(secret, context)).resolves.toMatchObject({ key });
  });

  test("releases a key whose entry names no API version", async () => {
    const { client, context } = await arrange();
    const { SrsApiVersion, ...rest } = secret;
    expect(SrsApiVersion).toBeDefined();
    await expect(client.release(rest, context)).resolves.toMatchObject({ key });
  });

  test("makes a new wrapping key for each release", async () => {
    const seen: string[] = [];
    const { client, context } = await arrange(
      {},
      {
        reportData: (data) => {
          seen.push(Buffer.from(data).toString("hex"));
          return data;
        },
      },
    );
    await client.release(secret, context);
    await client.release(secret, context);
    expect(new Set(seen).size).toBe(2);
  });

  test("releases several keys in parallel", async () => {
    const { client, context } = await arrange();
    const releases = Array.from({ length: 5 }, () => client.release(secret, context));
    const released = await Promise.all(releases);
    expect(released.map(({ key: one }) => one)).toEqual(Array.from({ length: 5 }, () => key));
  });

  test("requests tokens for the configured audience", async () => {
    const told = await arrange({}, { audience: "https://managedhsm.azure.net/" });
    await expect(told.client.release(secret, told.context)).resolves.toMatchObject({ key });
    await told.close();
    const mistold = await arrange({}, { audience: "https://vault.azure.net" });
    await expect(mistold.client.release(secret, mistold.context)).rejects.toMatchObject({
      code: "TOKEN_REFUSED",
      message: expect.stringContaining("AADSTS500011"),
    });
  });

  test("sends the client secret to the configured authority, whatever AZURE_AUTHORITY_HOST is", async () => {
    const { client, context } = await arrange();
    process.env["AZURE_AUTHORITY_HOST"] = "https://evil.example";
    try {
      await expect(client.release(secret, context)).resolves.toMatchObject({ key });
    } finally {
      delete process.env["AZURE_AUTHORITY_HOST"];
    }
  });

  test.each([16, 24])("refuses a key of %i bytes", async (length) => {
    const { client, context } = await arrange({}, { key: Buffer.alloc(length, 3) });
    await expect(client.release(secret, context)).rejects.toMatchObject({
      code: "RELEASE_INVALID",
      message: expect.stringContaining("does not unwrap to a key of 32 bytes"),
    });
  });

  test("is refused with evidence for another wrapping key", async () => {
    const { client, context } = await arrange({}, { reportData: () => Buffer.alloc(32, 1) });
    await expect(client.release(secret, context)).rejects.toMatchObject({
      code: "ATTESTATION_REFUSED",
    });
  });

  test("reports that Azure AD refused, and why", async () => {
    const { client, context } = await arrange({}, { clientSecret: "wrong" });
    const attempt = client.release(secret, context);
    await expect(attempt).rejects.toMatchObject({ code: "TOKEN_REFUSED" });
    await expect(attempt).rejects.toThrow(
      /got HTTP 401: AADSTS7000215: the client secret is wrong; .*\. Check APP_ID/u,
    );
  });

  test.each(["a\r\nb: c", "", "a b", "\u0100", "a".repeat(20_000), null])(
    "does not send an access token that a header cannot contain: %j",
    async (token) => {
      const { client, context, emulator } = await arrange({
        azureAd: (_request, response) => {
          response.json({ token_type: "Bearer", expires_in: 3599, access_token: token });
        },
      });
      await expect(client.release(secret, context)).rejects.toMatchObject({
        code: "TOKEN_REFUSED",
      });
      expect(context.retries).toEqual([]);
      const released = emulator.requests.filter(({ path }) => path.endsWith("/release"));
      // The first, without a token, which the vault answers with its challenge.
      expect(released.length).toBe(1);
    },
  );

  test("reports the attestation token's claims after a vault's 403", async () => {
    const { client, context } = await arrange({}, { policyMeasurement: "00".repeat(32) });
    await expect(client.release(secret, context)).rejects.toMatchObject({
      code: "RELEASE_REFUSED",
      message: expect.stringMatching(/HTTP 403: Forbidden.*confml policy test CLAIMS POLICY/u),
      claims: { "x-ms-sgx-mrenclave": mrenclave, iss: attestationUrl, "x-ms-sgx-svn": 1 },
    });
  });

  test("requests the token from the tenant that a secret names", async () => {
    const { client, context } = await arrange();
    const elsewhere = { ...secret, Tenant: "tenant.example" };
    await expect(client.release(elsewhere, context)).rejects.toMatchObject({
      code: "TOKEN_REFUSED",
    });
  });
});

describe("with workload identity", () => {
  let folder = "";
  let file = "";

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "confml-token-"));
    file = join(folder, "token");
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  function federated(): Promise<ReleaseScene> {
    const part: Arrangement = { federatedTokenFile: file };
    return arrange({}, part);
  }

  test("the pod's token is used instead of a client secret", async () => {
    const { client, context, emulator } = await federated();
    await writeFile(file, `${await emulator.podToken()}\n`);
    await expect(client.release(secret, context)).resolves.toMatchObject({ key });
  });

  test("another cluster's token is refused", async () => {
    const other = await setReleaseScene();
    await writeFile(file, await other.emulator.podToken());
    await other.close();
    const { client, context } = await federated();
    await expect(client.release(secret, context)).rejects.toMatchObject({
      code: "TOKEN_REFUSED",
      message: expect.stringContaining("AADSTS700211"),
    });
  });

  test("a file that is not a token is not sent, whatever file the host names", async () => {
    const content = "0123456789abcdef0123456789abcdef";
    await writeFile(file, content);
    const { client, context, emulator } = await federated();
    const attempt = client.release(secret, context);
    await expect(attempt).rejects.toMatchObject({
      code: "ENVIRONMENT_INCOMPLETE",
      message: expect.stringMatching(
        /file that AZURE_FEDERATED_TOKEN_FILE names: .*got something/u,
      ),
    });
    await expect(attempt).rejects.not.toThrow(content);
    const asked = emulator.requests.filter(({ path }) => path.endsWith("/oauth2/v2.0/token"));
    // The owner's, when the key was imported.
    expect(asked.length).toBe(1);
  });
});
