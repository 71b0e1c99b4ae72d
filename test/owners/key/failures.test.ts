import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { RequestHandler } from "express";
import { hosts, managedHsmResource } from "../../../emulator/hosts.js";
import { azureClients, vaultUrl } from "../../helpers/azure-clients.js";
import { sharedCertificates } from "../../helpers/certificates.js";
import { exact, expectClearFailure, setKeyScene, type KeyScene } from "./scene.js";

let scene: KeyScene;

beforeAll(async () => {
  scene = await setKeyScene();
});

afterEach(async () => {
  scene.misbehave = {};
  await scene.expectNoSecrets();
});

afterAll(async () => {
  await scene.close();
});

describe("the login", () => {
  const fakeAz = async (script: string): Promise<Record<string, string>> => {
    await writeFile(join(scene.folder, "az"), `#!/bin/sh\n${script}\n`);
    await chmod(join(scene.folder, "az"), 0o755);
    return { PATH: scene.folder };
  };

  test("is the Azure CLI's, where the environment names no principal", async () => {
    const credential = azureClients(scene.emulator).credential("owners");
    const { token, expiresOnTimestamp } = await credential.getToken(
      `${managedHsmResource}/.default`,
    );
    const answer = { accessToken: token, expires_on: Math.floor(expiresOnTimestamp / 1000) };
    const environment = await fakeAz(`echo '${JSON.stringify(answer)}'`);
    const half = { ...environment, AZURE_TENANT_ID: scene.emulator.tenant.tenantId };
    const shown = await scene.key(["show", "ModelKey"], half);
    expect([shown.status, shown.stderr]).toEqual([0, ""]);
  });

  test.each([
    [undefined, "there is no Azure CLI (az) to log in with", "hint: install it and run az login"],
    [
      "echo 'ERROR: Please run az login to set up' >&2; exit 1",
      "nobody is logged in",
      "run az login",
    ],
    ["echo 'ERROR: odd' >&2; exit 1", "az gives no token", "az account get-access-token"],
  ])("fails with one clear line where az is %j", async (script, message, hint) => {
    const environment = script === undefined ? { PATH: "/nowhere" } : await fakeAz(script);
    const failed = await scene.key(["show", "ModelKey"], environment);
    expectClearFailure(failed, message, hint);
  });
});

describe("a vault command that fails", () => {
  const answer =
    (status: number, body = ""): RequestHandler =>
    (request, response, next) => {
      if (request.headers.authorization === undefined) next();
      else response.status(status).type("html").send(body);
    };
  const challenge: RequestHandler = (_request, response) => {
    const authorization = `https://${hosts.azureAd}/${scene.emulator.tenant.tenantId}`;
    response
      .status(401)
      .set(
        "WWW-Authenticate",
        `Bearer authorization="${authorization}", resource="${managedHsmResource}"`,
      )
      .end();
  };

  test.each([
    [
      "a wrong secret",
      { AZURE_CLIENT_SECRET: "wrong" },
      "log in to Azure: HTTP 401: AADSTS7000215",
    ],
    ["a wrong client", { AZURE_CLIENT_ID: "wrong" }, "log in to Azure: HTTP 400: AADSTS700016"],
    ["a wrong tenant", { AZURE_TENANT_ID: "wrong" }, "belongs to another tenant"],
  ])("for %s says so", async (_what, change, message) => {
    const failed = await scene.key(["show", "ModelKey"], { ...scene.login, ...change });
    expectClearFailure(failed, message, "hint: check AZURE_TENANT_ID, AZURE_CLIENT_ID");
  });

  test("for want of a role says so, and keeps the new key", async () => {
    const { clientId, clientSecret } = scene.emulator.tenant.server;
    const failed = await scene.key(["create", "Forbidden", "-k", "forbidden.key", ...exact], {
      ...scene.login,
      AZURE_CLIENT_ID: clientId,
      AZURE_CLIENT_SECRET: clientSecret,
    });
    expectClearFailure(failed, "HTTP 403: Forbidden", "Managed HSM Crypto User");
    expect(failed.stderr).toContain("forbidden.key holds the new key; to go on with it");
    expect(failed.stderr).not.toContain(clientSecret);
  });

  test.each([
    ["401 whoever asks", challenge, "HTTP 401", "the vault does not accept this login"],
    ["an empty 403", answer(403), "HTTP 403", "needs a role"],
    ["409", answer(409, "no"), "HTTP 409", "a deleted key may still hold the name"],
    ["400", answer(400, "no"), "HTTP 400", "check --vault and --api-version"],
    ["429", answer(429), "HTTP 429", "try again later"],
    ["500 in HTML", answer(500, "<html>no</html>"), "HTTP 500", "try again later"],
    [
      "200 in HTML",
      answer(200, "<html>hello</html>"),
      "not a Managed HSM's answer",
      "check --vault",
    ],
    ["200 with nothing", answer(200), "not a Managed HSM's answer", "check --vault"],
    [
      "a broken connection",
      ((request) => request.socket.destroy()) satisfies RequestHandler,
      `no answer from ${vaultUrl}`,
      "check --vault and the network",
    ],
  ])("where the vault answers with %s says so", async (what, handler, message, hint) => {
    scene.misbehave = { managedHsm: handler };
    const file = `${what.replaceAll(" ", "-")}.key`;
    const failed = await scene.key(["create", "Broken", "-k", file, ...exact, "--min-svn", "1"]);
    expectClearFailure(failed, message, hint);
    expect(failed.stderr).toContain("confml key import Broken");
  });

  test("at the import itself says so, and repeats nothing that the vault sends back", async () => {
    scene.misbehave = {
      managedHsm: async (request, response, next) => {
        const body = await buffer(request);
        if (request.method !== "PUT") next();
        else {
          const error = { code: "BadParameter", message: `There is no ${body.toString()} here.` };
          response.status(400).json({ error });
        }
      },
    };
    const failed = await scene.key(["create", "Echo", "-k", "echo.key", ...exact]);
    expectClearFailure(failed, "cannot import Echo", "confml key import Echo");
    expect(failed.stderr).toContain("HTTP 400: BadParameter\n");
    expect(failed.stderr).not.toContain("There is no ");
  });

  test.each([
    ["no CA", [], vaultUrl, "certificate is not to be trusted", "--ca-file"],
    [
      "another CA",
      ["--ca-file", "other.pem"],
      vaultUrl,
      "certificate is not to be trusted",
      "--ca-file",
    ],
    [
      "a host that is not the certificate's",
      ["--ca-file", "ca.pem"],
      "https://nobody.managedhsm.azure.net",
      "certificate is not to be trusted",
      "--ca-file",
    ],
    [
      "another owner's vault",
      ["--ca-file", "ca.pem"],
      `https://${hosts.otherManagedHsm}`,
      "another tenant",
      "AZURE_TENANT_ID",
    ],
    [
      "a web host",
      ["--ca-file", "ca.pem"],
      `https://${hosts.models}`,
      "there is no key ModelKey",
      "check the name and --vault",
    ],
  ])("before %s says so", async (_what, trust, url, message, hint) => {
    const { tls } = await sharedCertificates();
    await writeFile(join(scene.folder, "other.pem"), tls.certificatePem);
    const args = ["key", "show", "ModelKey", "--vault", url, ...trust];
    const failed = await scene.confml([...args, "--connect", `127.0.0.1:${scene.emulator.port}`]);
    expectClearFailure(failed, message, hint);
  });

  test("before a host that asks for the vault's tokens says so, and gives it none", async () => {
    let sent = 0;
    scene.misbehave = {
      models: (request, response, next) => {
        if (request.headers.authorization !== undefined) sent += 1;
        void challenge(request, response, next);
      },
    };
    const args = [
      "key",
      "show",
      "ModelKey",
      "--vault",
      `https://${hosts.models}`,
      ...scene.standIn,
    ];
    expectClearFailure(
      await scene.confml(args),
      "a token that is not a Managed HSM's",
      "check --vault",
    );
    expect(sent).toBe(0);
  });

  test("where nothing listens says so", async () => {
    const args = ["key", "show", "ModelKey", "--vault", vaultUrl, "--connect", "127.0.0.1:1"];
    expectClearFailure(await scene.confml(args), "ECONNREFUSED", "check --vault and the network");
  });

  test("tells nothing more with Azure's own logging on", async () => {
    const environment = { ...scene.login, AZURE_LOG_LEVEL: "verbose" };
    const args = ["create", "Logged", "-k", "logged.key", ...exact, "--min-svn", "1"];
    const made = await scene.key(args, environment);
    expect(made.status).toBe(0);
    expect(made.stderr.length).toBeGreaterThan(1000);
  });
});
