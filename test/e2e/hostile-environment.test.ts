import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { goodConfigurations } from "../config/hostile-configurations.js";
import { eventually } from "../helpers/eventually.js";
import { expectFailedBoot, expectNoSecrets } from "../helpers/failed-boot.js";
import { setScene, type Scene } from "../helpers/scene.js";
import { projectFolder, runServerToItsEnd, startServer } from "../helpers/server-process.js";

/** Each makes a package or native library of the server print secrets or send them to another host. */
const hostile = {
  AZURE_AUTHORITY_HOST: "https://evil.example",
  AZURE_REGIONAL_AUTHORITY_NAME: "evil",
  AZURE_ADDITIONALLY_ALLOWED_TENANTS: "*",
  AZURE_LOG_LEVEL: "verbose",
  DEBUG: "*",
  HTTPS_PROXY: "http://127.0.0.1:1",
  HTTP_PROXY: "http://127.0.0.1:1",
  ALL_PROXY: "http://127.0.0.1:1",
  NODE_ENV: "development",
  NODE_TLS_REJECT_UNAUTHORIZED: "0",
  SSLKEYLOGFILE: "/tmp/confml-no-such-file",
  G_MESSAGES_DEBUG: "all",
  VIPS_INFO: "1",
  ROARR_LOG: "true",
};

let scene: Scene;

beforeEach(async () => {
  scene = await setScene();
  await scene.importKeys();
});

afterEach(async () => {
  await scene.close();
});

describe("environment variables that the host sets", () => {
  test("do not make the server print secrets or send them to another host", async () => {
    const before = scene.emulator.requests.length;
    Object.assign(scene.environment, hostile);
    const server = await startServer(await scene.launch());
    expect(await server.stop()).toBe(0);
    // All output is log lines.
    for (const line of server.output().trimEnd().split("\n")) {
      expect(line).toMatch(/^\{"level":[34]0,"time":\d+,.*"msg":"[^"]+"\}$/u);
    }
    expectNoSecrets(server.output(), scene);
    const requests = scene.emulator.requests.slice(before);
    expect([...new Set(requests.map(({ service }) => service))].sort()).toEqual([
      "attestation",
      "azureAd",
      "managedHsm",
      "models",
    ]);
    const tenant = scene.emulator.tenant.tenantId;
    expect(
      new Set(requests.filter(({ service }) => service === "azureAd").map(({ path }) => path)),
    ).toEqual(new Set([`/${tenant}/oauth2/v2.0/token`]));
  });

  test("are removed from the C library's environment, except those that the server names", async () => {
    const report = join(scene.folder, "report.json");
    Object.assign(scene.environment, hostile, {
      NODE_OPTIONS: `--report-on-signal --report-signal=SIGWINCH --report-filename=${report}`,
    });
    const server = await startServer(await scene.launch());
    process.kill(server.pid, "SIGWINCH");
    await eventually(() => existsSync(report) && readFileSync(report, "utf8").endsWith("}\n"));
    expect(await server.stop()).toBe(0);
    // Node's report reads the C library's environment; `process.env` may differ.
    const { environmentVariables } = JSON.parse(readFileSync(report, "utf8")) as {
      environmentVariables: Record<string, string>;
    };
    // libvips sets it.
    delete environmentVariables["VIPSHOME"];
    expect(environmentVariables).toEqual({
      APP_ID: scene.environment["APP_ID"],
      CLIENT_ID: scene.environment["CLIENT_ID"],
      NODE_ENV: "production",
      VIPS_DISC_THRESHOLD: "1000g",
    });
    expect(server.output()).toContain(
      '"holes":["the variable NODE_OPTIONS"],"msg":"whoever started this process can look into it"',
    );
  });

  test("and options of Node are refused in an enclave before any request for a key", async () => {
    const inEnclave = join(projectFolder, "test/fixtures/platform/mystikos-kernel.mjs");
    Object.assign(scene.environment, {
      MYST_TARGET: "sgx",
      NODE_OPTIONS: `--import=${inEnclave} --inspect=127.0.0.1:0`,
      NODE_DEBUG: "nothing",
    });
    const before = scene.emulator.requests.length;
    const options = await scene.launch();
    // A refused configuration is reported first.
    const [, configuration = ""] = goodConfigurations[0] ?? [];
    await writeFile(options.configFile, configuration);
    const ended = await runServerToItsEnd(options);
    // Node's own messages about its debugger.
    const stderr = ended.stderr.replace(/^(?:Debugger|For help|\(node|\(Use).*\n/gmu, "");
    await expectFailedBoot({ ...ended, stderr }, scene, {
      code: "ENVIRONMENT_REFUSED",
      exitCode: 78,
      says: /got the variable NODE_OPTIONS, the variable NODE_DEBUG, an open debugger port/u,
    });
    expect(scene.emulator.requests).toHaveLength(before);
  });
});
