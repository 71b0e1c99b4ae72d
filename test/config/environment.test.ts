import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { readEnvironment } from "../../src/config/environment.js";

const variables = { APP_ID: "tenant", CLIENT_ID: "client", CLIENT_SECRET: "s3cret" };
const workloadIdentity = {
  AZURE_TENANT_ID: "pod's tenant",
  AZURE_CLIENT_ID: "pod's client",
  AZURE_FEDERATED_TOKEN_FILE: "/var/run/token",
};

function secretOf(environment: ReturnType<typeof readEnvironment>): string | undefined {
  return "clientSecret" in environment.proof ? environment.proof.clientSecret.reveal() : undefined;
}

describe("the environment", () => {
  test("provides the principal, and the audience if it is set", () => {
    const read = readEnvironment({ ...variables, MHSM_AAD_URL: "" });
    expect(read).toMatchObject({ tenantId: "tenant", clientId: "client", audience: undefined });
    expect(secretOf(read)).toBe("s3cret");
    const { audience } = readEnvironment({ ...variables, MHSM_AAD_URL: "https://a.example" });
    expect(audience).toBe("https://a.example");
  });

  test("is refused if a variable is missing or empty; the error names it and contains no value", () => {
    expect(() => readEnvironment({ ...variables, APP_ID: "", CLIENT_ID: undefined })).toThrow(
      /got no APP_ID, no CLIENT_ID\. Set them/u,
    );
    for (const name of ["APP_ID", "CLIENT_ID", "CLIENT_SECRET"]) {
      expect(() => readEnvironment({ ...variables, [name]: "" })).toThrow(`got no ${name}.`);
    }
    expect(() => readEnvironment({ CLIENT_SECRET: "s3cret" })).toThrow(/^(?!.*s3cret)/u);
  });

  test("may be that of workload identity if there is no client secret", () => {
    expect(readEnvironment(workloadIdentity)).toEqual({
      tenantId: "pod's tenant",
      clientId: "pod's client",
      proof: { federatedTokenFile: "/var/run/token" },
      audience: undefined,
    });
    const { tenantId, clientId } = readEnvironment({
      ...workloadIdentity,
      APP_ID: "tenant",
      CLIENT_ID: "client",
    });
    expect([tenantId, clientId]).toEqual(["tenant", "client"]);
  });

  test("ignores workload identity's variables if there is a client secret", () => {
    expect(secretOf(readEnvironment({ ...workloadIdentity, ...variables }))).toBe("s3cret");
    expect(() => readEnvironment({ ...workloadIdentity, CLIENT_SECRET: "s3cret" })).toThrow(
      /got no APP_ID, no CLIENT_ID\./u,
    );
  });

  test("does not contain its secret when it is printed or serialised", () => {
    const environment = readEnvironment(variables);
    const shown = [
      inspect(environment, { depth: 9, showHidden: true }),
      JSON.stringify(environment),
      "clientSecret" in environment.proof ? String(environment.proof.clientSecret) : "",
    ];
    for (const text of shown) {
      expect(text).not.toContain("s3cret");
      expect(text).toContain("[hidden]");
    }
  });
});
