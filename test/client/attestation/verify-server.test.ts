import { createHash } from "node:crypto";
import { beforeAll, describe, expect, test } from "@jest/globals";
import {
  verifyServer,
  type VerifyServerOptions,
} from "../../../client/attestation/verify-server.js";
import { parseClientPolicy } from "../../../client/policy/client-policy.js";
import type { RefusalCode } from "../../../client/verification-error.js";
import {
  config,
  createEmulatedServer,
  measurements,
  model,
  policyOf,
  quoteBytes,
  runtimeMembers,
  toCanonicalBytes,
  verification,
  type EmulatedServer,
} from "../../helpers/attested-server.js";

let server: EmulatedServer;
beforeAll(async () => {
  server = await createEmulatedServer();
});

async function expectRefusal(options: VerifyServerOptions, code: RefusalCode): Promise<void> {
  await expect(verifyServer(options)).rejects.toMatchObject({ name: "VerificationError", code });
}

/** The same evidence over other bytes as runtime data. */
function withRuntimeBytes(bytes: Buffer): VerifyServerOptions {
  const options = verification(server);
  const quote = quoteBytes(server.platform, bytes).toString("base64url");
  return {
    ...options,
    attestation: {
      ...options.attestation,
      evidence: { type: "sgx", quote },
      runtime_data: bytes.toString("base64url"),
    },
  };
}

describe("verifyServer", () => {
  test("accepts a server that proves everything, with a line for each check", async () => {
    const policy = policyOf(
      { claim: "model-sha256", equals: model.sha256 },
      { claim: "config-sha256", equals: config },
    );
    const proof = await verifyServer(verification(server, { options: { policy } }));
    expect(proof).toMatchObject({
      measurement: measurements.mrenclave,
      emulated: true,
      fresh: true,
      tlsVerified: true,
      runtimeData: { model, config },
    });
    expect(proof.checks.map(({ name, met }) => [name, met])).toEqual(
      [
        "root",
        "nonce",
        "tls",
        "x-ms-sgx-mrenclave",
        "model-sha256",
        "config-sha256",
        "x-ms-sgx-is-debuggable",
        "tcb-status",
        "tcb-advisories",
        "max-age",
      ].map((name) => [name, true]),
    );
  });

  test("does not say that the server is fresh without a nonce, or that TLS ends there without its key", async () => {
    const options = { nonce: undefined, tlsKeySha256: undefined };
    const proof = await verifyServer(verification(server, { options }));
    expect(proof).toMatchObject({ fresh: false, tlsVerified: false });
    expect(proof.checks.map(({ name }) => name)).not.toEqual(expect.arrayContaining(["nonce"]));
  });

  test("refuses emulated evidence unless its root is given", async () => {
    const { roots, ...options } = verification(server);
    expect(roots).toHaveLength(1);
    await expectRefusal(options, "ROOT_UNTRUSTED");
  });

  test("refuses yesterday's evidence, which has another nonce", async () => {
    const old = verification(server);
    await expectRefusal({ ...old, nonce: Buffer.alloc(32) }, "NONCE_MISMATCH");
    await expectRefusal(verification(server, { members: { nonce: undefined } }), "NONCE_MISMATCH");
  });

  test("refuses another TLS key than the attested one: a man in the middle", async () => {
    const options = { tlsKeySha256: Buffer.alloc(32, 7) };
    await expectRefusal(verification(server, { options }), "TLS_KEY_MISMATCH");
  });

  test("refuses another server's runtime data with this server's evidence", async () => {
    const other = await createEmulatedServer();
    const mine = verification(server);
    const theirs = verification({ ...other, nonce: server.nonce });
    const attestation = { ...mine.attestation, runtime_data: theirs.attestation["runtime_data"] };
    await expectRefusal({ ...mine, attestation }, "RUNTIME_DATA_ALTERED");
  });

  test("refuses runtime data with any member changed", async () => {
    const members = runtimeMembers(server.keys, server.nonce);
    for (const name of Object.keys(members)) {
      const options = verification(server);
      const altered = toCanonicalBytes({ ...members, [name]: "another" }).toString("base64url");
      const attestation = { ...options.attestation, runtime_data: altered };
      await expectRefusal({ ...options, attestation }, "RUNTIME_DATA_ALTERED");
    }
  });

  test("refuses report data whose second half is not zero", async () => {
    const data = toCanonicalBytes(runtimeMembers(server.keys, server.nonce));
    const hash = createHash("sha256").update(data).digest();
    const reportData = Buffer.concat([hash, Buffer.alloc(32, 1)]);
    const time = (JSON.parse(data.toString()) as { time: number }).time;
    await expectRefusal(
      verification(server, { report: { reportData }, members: { time } }),
      "RUNTIME_DATA_ALTERED",
    );
  });

  test.each<[string, RefusalCode, object]>([
    ["a debug enclave", "DEBUGGABLE", { debuggable: true }],
    ["other code", "MRENCLAVE_REFUSED", { mrenclave: Buffer.alloc(32, 1) }],
  ])("refuses %s", async (_, code, report) => {
    await expectRefusal(verification(server, { report }), code);
  });

  test.each<[string, RefusalCode, object]>([
    ["signer", "MRSIGNER_REFUSED", { mrsigner: Buffer.alloc(32, 1) }],
    ["product", "PRODUCT_REFUSED", { productId: 2 }],
    ["older version", "SVN_REFUSED", { securityVersion: 2 }],
  ])("refuses another %s where the policy names a signer", async (_, code, report) => {
    const policy = parseClientPolicy(
      JSON.stringify({
        version: "1.0.0",
        anyOf: [
          {
            allOf: [
              { claim: "x-ms-sgx-mrsigner", equals: measurements.mrsigner },
              { claim: "x-ms-sgx-product-id", equals: 1 },
              { claim: "x-ms-sgx-svn", greaterOrEquals: 3 },
            ],
          },
        ],
      }),
    );
    await verifyServer(verification(server, { options: { policy } }));
    await expectRefusal(verification(server, { report, options: { policy } }), code);
  });

  test.each<[string, RefusalCode, object]>([
    ["model", "MODEL_REFUSED", { claim: "model-sha256", equals: "00".repeat(32) }],
    ["configuration", "CONFIG_REFUSED", { claim: "config-sha256", equals: "00".repeat(32) }],
    ["claim that is not there", "POLICY_NOT_MET", { claim: "no-such-claim", equals: 1 }],
  ])("refuses another %s", async (_, code, condition) => {
    const policy = policyOf({ ...condition });
    await expectRefusal(verification(server, { options: { policy } }), code);
  });

  test("refuses an attestation that is older than the policy allows, or from the future", async () => {
    const now = Math.floor(Date.now() / 1000);
    for (const time of [now - 310, now + 310]) {
      await expectRefusal(verification(server, { members: { time } }), "TOO_OLD");
      const policy = policyOf({ claim: "max-age", lessOrEquals: 3600 });
      await verifyServer(verification(server, { members: { time }, options: { policy } }));
    }
  });

  test("refuses TCB statuses and advisories that the policy does not name", async () => {
    const old = await createEmulatedServer({
      tcbStatus: "SWHardeningNeeded",
      advisories: ["INTEL-SA-00615"],
    });
    await expectRefusal(verification(old), "TCB_STATUS_REFUSED");
    const status = { claim: "tcb-status", equals: "SWHardeningNeeded" };
    const withStatus = { policy: policyOf(status) };
    await expectRefusal(verification(old, { options: withStatus }), "TCB_ADVISORIES_REFUSED");
    const accepted = { claim: "tcb-advisories", subsetOf: ["INTEL-SA-00615", "INTEL-SA-00289"] };
    await verifyServer(verification(old, { options: { policy: policyOf(status, accepted) } }));
  });

  test.each<[string, RefusalCode, Parameters<typeof createEmulatedServer>[0]]>([
    ["a revoked PCK certificate", "CERTIFICATE_REVOKED", { revoked: ["pck"] }],
    ["a revoked TCB level", "TCB_REVOKED", { tcbStatus: "Revoked" }],
  ])("refuses %s", async (_, code, options) => {
    await expectRefusal(verification(await createEmulatedServer(options)), code);
  });

  test("refuses expired collateral", async () => {
    const now = new Date(Date.now() + 8 * 86_400_000);
    await expect(verifyServer(verification(server, { options: { now } }))).rejects.toMatchObject({
      code: expect.stringMatching(/^CERTIFICATE_INVALID$|^COLLATERAL_EXPIRED$/u),
    });
  });

  test("refuses an attestation without collateral, and takes it from another source", async () => {
    const options = verification(server);
    const { collateral, ...attestation } = options.attestation;
    await expectRefusal({ ...options, attestation }, "COLLATERAL_MISSING");
    await verifyServer({ ...options, attestation, collateral: () => collateral });
  });

  test("refuses evidence that was made for a key release", async () => {
    const release = Buffer.from(JSON.stringify({ keys: [{ kty: "RSA", use: "enc" }] }));
    await expectRefusal(withRuntimeBytes(release), "RELEASE_KEYS_PRESENT");
    await expectRefusal(verification(server, { members: { keys: [] } }), "RELEASE_KEYS_PRESENT");
  });

  test("refuses evidence for another purpose", async () => {
    for (const purpose of [undefined, "", "confml-client-attestation2", 1]) {
      await expectRefusal(verification(server, { members: { purpose } }), "PURPOSE_WRONG");
    }
  });

  test("refuses runtime data that can be read in two ways, or has another form", async () => {
    const canonical = toCanonicalBytes(runtimeMembers(server.keys, server.nonce)).toString();
    const twice = canonical.replace("{", '{"config":"","config":"",');
    for (const text of [twice, ` ${canonical}`, `\uFEFF${canonical}`, "", "1", "null"]) {
      await expectRefusal(withRuntimeBytes(Buffer.from(text)), "RUNTIME_DATA_MALFORMED");
    }
    const { x, y } = { x: "A".repeat(43), y: "A".repeat(43) };
    for (const encryption of [
      { crv: "P-384", kty: "EC", x, y },
      { crv: "P-256", kty: "EC", x, y, d: x },
      { crv: "P-256", kty: "EC", x: "AA", y },
    ]) {
      await expectRefusal(
        verification(server, { members: { encryption } }),
        "RUNTIME_DATA_MALFORMED",
      );
    }
    await expectRefusal(verification(server, { members: { more: 1 } }), "RUNTIME_DATA_MALFORMED");
  });

  test("refuses answers of another form", async () => {
    const options = verification(server);
    for (const attestation of [
      undefined,
      "",
      [],
      {},
      { ...options.attestation, runtime_data: "a+" },
    ]) {
      await expectRefusal({ ...options, attestation }, "ATTESTATION_MALFORMED");
    }
    const evidence = { type: "sev-snp", quote: "" };
    const snp = { ...options.attestation, evidence };
    await expectRefusal({ ...options, attestation: snp }, "EVIDENCE_UNSUPPORTED");
    const quote = (options.attestation["evidence"] as { quote: string }).quote;
    const tdx = { ...options.attestation, evidence: { type: "tdx", quote } };
    await expectRefusal({ ...options, attestation: tdx }, "ATTESTATION_MALFORMED");
  });

  test("says what each condition of the closest branch wanted and got", async () => {
    const options = { policy: policyOf({ claim: "x-ms-sgx-svn", greaterOrEquals: 9 }) };
    await expect(verifyServer(verification(server, { options }))).rejects.toMatchObject({
      code: "SVN_REFUSED",
      message: "x-ms-sgx-svn: expected at least 9, got 3",
      checks: expect.arrayContaining([
        { name: "x-ms-sgx-svn", wanted: "at least 9", got: "3", met: false },
      ]),
    });
  });
});
