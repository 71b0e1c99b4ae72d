import { describe, expect, test } from "@jest/globals";
import { removeUnnamedVariables } from "../../src/process/variables.js";

describe("the environment", () => {
  test("keeps only the variables that the server names, whatever the others are called", () => {
    const named = {
      APP_ID: "tenant",
      CLIENT_ID: "client",
      CLIENT_SECRET: "secret",
      MHSM_AAD_URL: "https://vault.example",
      AZURE_CLIENT_ID: "other client",
      AZURE_FEDERATED_TOKEN_FILE: "/token",
      AZURE_TENANT_ID: "other tenant",
      MYST_TARGET: "sgx",
    };
    const environment: NodeJS.ProcessEnv = {
      ...named,
      AZURE_AUTHORITY_HOST: "https://evil.example",
      AZURE_REGIONAL_AUTHORITY_NAME: "evil",
      AZURE_LOG_LEVEL: "verbose",
      DEBUG: "*",
      HTTPS_PROXY: "http://evil.example",
      NODE_ENV: "development",
      NODE_TLS_REJECT_UNAUTHORIZED: "0",
      PATH: "/evil",
      app_id: "a name in small letters is another one",
      "": "no name",
    };
    removeUnnamedVariables(environment);
    expect(environment).toEqual({ ...named, NODE_ENV: "production" });
  });

  test("reports the removed variables that have taken effect already, and no others", () => {
    const early = {
      NODE_OPTIONS: "--inspect",
      NODE_EXTRA_CA_CERTS: "/ca.pem",
      NODE_PATH: "/evil",
      NODE_DEBUG: "*",
      LD_PRELOAD: "/evil.so",
      LD_LIBRARY_PATH: "/evil",
      OPENSSL_CONF: "/evil.cnf",
      SSL_CERT_FILE: "/ca.pem",
      GLIBC_TUNABLES: "x",
      ICU_DATA: "/evil",
    };
    const told = removeUnnamedVariables({
      ...early,
      DEBUG: "*",
      NODE_ENV: "test",
      NODE_NO_WARNINGS: "1",
      APP_ID: "tenant",
    });
    expect(Object.fromEntries(told)).toEqual(early);
  });
});
