import { request } from "node:https";
import { tmpdir } from "node:os";
import { rootCertificates } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createCertificates } from "../../emulator/certificates.js";
import { hosts } from "../../emulator/hosts.js";
import { startEmulator, type Emulator } from "../../emulator/server.js";
import { createTransport, type Transport } from "../../src/net/transport.js";

let emulator: Emulator;

beforeAll(async () => {
  emulator = await startEmulator({ modelsFolder: tmpdir() });
});

afterAll(async () => {
  await emulator.close();
});

/** The status of `GET url`, or the error's code. */
function get(url: string, { agent }: Transport): Promise<number | string | undefined> {
  return new Promise<number | string | undefined>((resolve) => {
    request(url, { agent })
      .on("response", (response) => {
        response.resume();
        resolve(response.statusCode);
      })
      .on("error", (error) => {
        resolve("code" in error ? String(error.code) : error.message);
      })
      .end();
  }).finally(() => {
    agent.destroy();
  });
}

function transport(ca: string): Transport {
  return createTransport({ ca, connect: `127.0.0.1:${emulator.port}` });
}

describe("a transport", () => {
  test("connects to one address for every host, and asks TLS for the host's own name", async () => {
    const certs = `https://${hosts.attestation}/certs`;
    await expect(get(certs, transport(emulator.caPem))).resolves.toBe(200);
    expect(emulator.requests.at(-1)).toMatchObject({ service: "attestation", path: "/certs" });
  });

  test("refuses a server whose certificate another CA signed, whatever the environment says", async () => {
    const { caPem } = await createCertificates();
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    try {
      const answer = get(`https://${hosts.attestation}/certs`, transport(caPem));
      await expect(answer).resolves.toMatch(/^UNABLE_TO_VERIFY|^SELF_SIGNED|^CERT_/u);
    } finally {
      delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    }
  });

  test("refuses a server whose certificate is for another host", async () => {
    const answer = get("https://other.example/", transport(emulator.caPem));
    await expect(answer).resolves.toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  });

  test("trusts Node's roots by default, and only the configured ones otherwise", () => {
    const own = createTransport();
    expect(own.trustedRoots).toEqual(rootCertificates);
    expect(own.agent.options.ca).toEqual([...rootCertificates]);
    own.agent.destroy();
    const given = transport(`${emulator.caPem}\n${rootCertificates[0] ?? ""}\n`);
    expect(given.trustedRoots).toHaveLength(2);
    given.agent.destroy();
  });
});
