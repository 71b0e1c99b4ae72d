import { describe, expect, test } from "@jest/globals";
import { readEnvironment } from "../../src/config/environment.js";

const variables = { APP_ID: "tenant", CLIENT_ID: "client", CLIENT_SECRET: "s3cret" };

describe("the environment", () => {
  test("gives the principal, and the audience where it is set", () => {
    const principal = { tenantId: "tenant", clientId: "client", clientSecret: "s3cret" };
    expect(readEnvironment(variables)).toEqual({ ...principal, audience: undefined });
    expect(readEnvironment({ ...variables, MHSM_AAD_URL: "" }).audience).toBeUndefined();
    expect(readEnvironment({ ...variables, MHSM_AAD_URL: "https://a.example" })).toEqual({
      ...principal,
      audience: "https://a.example",
    });
  });

  test("is refused where something is missing or empty, which is named, and no value is", () => {
    expect(() => readEnvironment({ ...variables, APP_ID: "", CLIENT_ID: undefined })).toThrow(
      /got no APP_ID, no CLIENT_ID\. Set them/u,
    );
    for (const name of ["APP_ID", "CLIENT_ID", "CLIENT_SECRET"]) {
      expect(() => readEnvironment({ ...variables, [name]: "" })).toThrow(`got no ${name}.`);
    }
    expect(() => readEnvironment({ CLIENT_SECRET: "s3cret" })).toThrow(/^(?!.*s3cret)/u);
  });
});
