import { describe, expect, test } from "@jest/globals";
import { decodeJwt } from "jose";
import { ForbiddenReleaseError, publicClaims } from "../../../src/secrets/mhsm/public-claims.js";
import { attest, azureClients, quoteOver, runtimeKey } from "../../helpers/azure-clients.js";
import { setReleaseScene } from "../../helpers/release-client.js";

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const token = (payload: unknown): string => `e30.${part(payload)}.signature`;

describe("a vault's 403", () => {
  const now = Math.floor(Date.now() / 1000);
  test.each([
    [{ exp: now + 600, nbf: now - 600 }, "HTTP 403"],
    [{ exp: now - 1 }, "HTTP 403; the attestation token has expired"],
    [{ exp: now + 600, nbf: now + 300 }, "HTTP 403; the attestation token is not valid yet"],
    [{}, "HTTP 403"],
  ])("for a token with %j is reported as %s", (claims, got) => {
    const failure = { doing: "releasing", expected: "the key", got: "HTTP 403", fix: "Check" };
    expect(new ForbiddenReleaseError(failure, claims, {}).failure.got).toBe(got);
  });
});

describe("the claims of an attestation token that are logged", () => {
  test("are the claims about the code, and no others of the token", async () => {
    const scene = await setReleaseScene();
    const clients = azureClients(scene.emulator);
    const { data } = runtimeKey();
    const made = await attest(clients, quoteOver(scene.emulator, data), data);
    const all = decodeJwt(made.token);
    const claims = publicClaims(made.token);
    for (const [name, value] of Object.entries(claims)) expect(value).toEqual(all[name]);
    const withheld = Object.keys(all).filter((name) => !(name in claims));
    expect(withheld.sort()).toEqual([
      "jti",
      "x-ms-runtime",
      "x-ms-sgx-collateral",
      "x-ms-sgx-report-data",
    ]);
    clients.agent.destroy();
    await scene.close();
  });

  test.each([
    ["iss", "hunter2"],
    ["iss", "https://a.example/hunter2"],
    ["iss", "https://hunter2@a.example"],
    ["iss", `https://a.${"a".repeat(120)}`],
    ["exp", "1"],
    ["exp", 1e300],
    ["x-ms-sgx-mrenclave", "hunter2"],
    ["x-ms-sgx-mrenclave", ["ab".repeat(32)]],
    ["x-ms-sgx-product-id", 65_536],
    ["x-ms-attestation-type", "hunter2"],
    ["x-ms-sgx-is-debuggable", "false"],
    ["hunter2", 1],
  ])("do not include %s if its value or name has another format: %j", (name, value) => {
    expect(publicClaims(token({ [name]: value, nbf: 5 }))).toEqual({ nbf: 5 });
  });

  test.each(["", "a.b.c", token([1]), token("hunter2"), "e30.e30"])("are none in %j", (text) => {
    expect(publicClaims(text)).toEqual({});
  });
});
