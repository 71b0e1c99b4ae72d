import { beforeAll, describe, expect, test } from "@jest/globals";
import { CompactSign } from "jose";
import { createCertificates, type Certificates } from "../../../emulator/certificates.js";
import {
  verifyReleaseAnswer,
  type ReleaseRequest,
} from "../../../src/secrets/mhsm/release-answer.js";

const host = "accmhsm.managedhsm.azure.net";
const version = "0123456789abcdef0123456789abcdef";
let ours: Certificates;
let others: Certificates;
let request: ReleaseRequest;

beforeAll(async () => {
  [ours, others] = await Promise.all([createCertificates(), createCertificates()]);
  request = {
    host,
    keyName: "ModelKey",
    algorithm: "RSA_AES_KEY_WRAP_256",
    nonce: "our-nonce",
    apiVersion: "7.3-preview",
    wrappingKeyId: "our-wrapping-key",
    trustedRoots: [ours.caPem],
  };
});

/** What differs from a sound answer. */
interface Change {
  request?: Record<string, unknown>;
  key?: Record<string, unknown>;
  wrapped?: Record<string, unknown>;
  header?: Record<string, unknown>;
}

async function answer(change: Change = {}, signer = ours.release): Promise<string> {
  const wrapped = {
    ciphertext: Buffer.from("wrapped").toString("base64url"),
    header: { alg: "dir", enc: "RSA_AES_KEY_WRAP_256", kid: "our-wrapping-key" },
    schema_version: "1.0",
    ...change.wrapped,
  };
  const payload = {
    request: {
      "api-version": "7.3-preview",
      enc: "RSA_AES_KEY_WRAP_256",
      kid: `https://${host}/keys/ModelKey/${version}`,
      nonce: "our-nonce",
      ...change.request,
    },
    response: {
      key: {
        attributes: {},
        key: {
          kid: `https://${host}/keys/ModelKey/${version}`,
          kty: "oct-HSM",
          key_ops: ["encrypt"],
          key_hsm: Buffer.from(JSON.stringify(wrapped)).toString("base64url"),
          ...change.key,
        },
        release_policy: {},
      },
    },
  };
  return new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({
      alg: "RS256",
      x5c: signer.chain.map((certificate) => certificate.toString("base64")),
      ...change.header,
    })
    .sign(signer.privateKey);
}

describe("a release answer", () => {
  test("that answers the request gives the ciphertext and the key's version", async () => {
    await expect(verifyReleaseAnswer(await answer(), request)).resolves.toEqual({
      ciphertext: Buffer.from("wrapped"),
      version,
    });
  });

  const wrappedHeader = { alg: "dir", enc: "RSA_AES_KEY_WRAP_256", kid: "our-wrapping-key" };
  test.each<[string, Change, RegExp]>([
    ["an old nonce", { request: { nonce: "another" } }, /another nonce/u],
    ["another wrapping", { request: { enc: "RSA_AES_KEY_WRAP_384" } }, /another enc/u],
    ["another API version", { request: { "api-version": "7.2" } }, /another api-version/u],
    ["no nonce", { request: { nonce: undefined } }, /payload with .* request\.nonce/u],
    ["another kind of key", { key: { kty: "RSA-HSM" } }, /another key type/u],
    [
      "another key",
      { key: { kid: `https://${host}/keys/OtherKey/${version}` } },
      /another name of the key/u,
    ],
    [
      "another vault's key",
      { key: { kid: `https://other.managedhsm.azure.net/keys/ModelKey/${version}` } },
      /another vault/u,
    ],
    [
      "a version that is a text",
      { key: { kid: `https://${host}/keys/ModelKey/hunter2` } },
      /^a key id of an unknown form$/u,
    ],
    ["a key id of no known form", { key: { kid: `https://${host}/secrets/ModelKey` } }, /key id/u],
    [
      "a key wrapped for somebody else",
      { wrapped: { header: { ...wrappedHeader, kid: "another" } } },
      /another wrapping key/u,
    ],
    [
      "a key wrapped in another way",
      { wrapped: { header: { ...wrappedHeader, enc: "CKM_RSA_AES_KEY_WRAP" } } },
      /another wrapping algorithm/u,
    ],
    [
      "an unknown schema",
      { wrapped: { schema_version: "2.0" } },
      /key_hsm with .* schema_version/u,
    ],
    ["no ciphertext", { wrapped: { ciphertext: "" } }, /key_hsm with .* ciphertext/u],
    ["a key that is no JSON", { key: { key_hsm: "AAAA" } }, /key_hsm that cannot be read/u],
    ["no certificates", { header: { x5c: [] } }, /header with .* x5c/u],
    ["a certificate that is none", { header: { x5c: ["AAAA"] } }, /no certificate/u],
    ["another signature algorithm", { header: { alg: "PS256" } }, /header with .* alg/u],
  ])("with %s is refused", async (_what, change, message) => {
    await expect(verifyReleaseAnswer(await answer(change), request)).rejects.toThrow(message);
  });

  test("signed under another CA is refused", async () => {
    const jws = await answer({}, others.release);
    await expect(verifyReleaseAnswer(jws, request)).rejects.toThrow(/trusted root/u);
  });

  test("signed under another host's certificate of the same CA is refused", async () => {
    const jws = await answer({}, ours.attestation);
    await expect(verifyReleaseAnswer(jws, request)).rejects.toThrow(/not for accmhsm/u);
  });

  test("signed by a key that is not the certificate's is refused", async () => {
    const impostor = { ...ours.release, privateKey: others.release.privateKey };
    await expect(verifyReleaseAnswer(await answer({}, impostor), request)).rejects.toThrow(
      /signature/u,
    );
  });

  test("with a header parameter that jose would name in its error is refused without it", async () => {
    const jws = await answer();
    const [first = "", ...rest] = jws.split(".");
    const header: unknown = JSON.parse(Buffer.from(first, "base64url").toString());
    const changed = { ...(header as object), crit: ["hunter2"], hunter2: 1 };
    const critical = Buffer.from(JSON.stringify(changed)).toString("base64url");
    await expect(verifyReleaseAnswer([critical, ...rest].join("."), request)).rejects.toThrow(
      /^a signature of an unknown form$/u,
    );
  });

  test("with any byte changed is refused", async () => {
    const parts = (await answer()).split(".").map((part) => Buffer.from(part, "base64url"));
    const opened: string[] = [];
    for (const [number, part] of parts.entries()) {
      for (let at = 0; at < part.length; at += 1) {
        const changed = Buffer.from(part);
        changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
        const jws = parts
          .map((other, index) => (index === number ? changed : other).toString("base64url"))
          .join(".");
        await verifyReleaseAnswer(jws, request).then(
          () => opened.push(`part ${number}, byte ${at}`),
          () => undefined,
        );
      }
    }
    expect(opened).toEqual([]);
    expect(parts.map(({ length }) => length > 200)).toEqual([true, true, true]);
  });

  test.each(["", "a.b", "a.b.c", "eyJhbGciOiJub25lIn0..", "{}"])("%j is refused", async (jws) => {
    await expect(verifyReleaseAnswer(jws, request)).rejects.toThrow();
  });
});
