import assert from "node:assert/strict";
import { CompactSign } from "jose";
import { createCertificates, type Certificates } from "../../emulator/certificates.js";
import { verifyReleaseAnswer, type ReleaseRequest } from "../../src/secrets/mhsm/release-answer.js";
import { isTooDeep } from "../json-depth.js";
import { isObject } from "../jwe-token.js";
import { attempt } from "../refusal.js";
import type { Target } from "../target.js";

const host = "accmhsm.managedhsm.azure.net";
const enc = "RSA_AES_KEY_WRAP_256";
const kid = `https://${host}/keys/ModelKey/0123456789abcdef0123456789abcdef`;
/** `key_hsm` is an object here, so that it is mutated as JSON; `encodeKey` encodes it before the payload is signed. */
const payload = {
  request: { "api-version": "7.3-preview", enc, kid, nonce: "our-nonce" },
  response: {
    key: {
      attributes: {},
      key: {
        kid,
        kty: "oct-HSM",
        key_ops: ["encrypt"],
        key_hsm: {
          ciphertext: "d3JhcHBlZA",
          header: { alg: "dir", enc, kid: "our-wrapping-key" },
          schema_version: "1.0",
        },
      },
    },
  },
};

/** Members whose values have to equal those of the request. */
const bound = [
  ["request", "nonce"],
  ["request", "enc"],
  ["request", "api-version"],
  ["response", "key", "key", "kty"],
  ["response", "key", "key", "key_hsm", "header", "enc"],
  ["response", "key", "key", "key_hsm", "header", "kid"],
];

/** Release answers: JSON inputs are payloads, which the check signs; other inputs are tried as a JWS. */
export const releaseAnswer: Target = {
  name: "release-answer",
  parsers: ["src/secrets/mhsm/release-answer.ts"],
  mutation: "json",
  maxBytes: 16_384,
  async prepare() {
    const certificates = await createCertificates();
    const request = {
      host,
      keyName: "ModelKey",
      algorithm: enc,
      nonce: "our-nonce",
      apiVersion: "7.3-preview",
      wrappingKeyId: "our-wrapping-key",
      trustedRoots: [certificates.caPem],
    };
    const header = Buffer.from('{"alg":"RS256","x5c":["MAA="]}').toString("base64url");
    const altered = bound.map((path) => {
      const other = structuredClone(payload);
      const holder = valueAt(other, path.slice(0, -1));
      if (isObject(holder)) holder[path.at(-1) ?? ""] = "other";
      return JSON.stringify(other);
    });
    const seeds = [JSON.stringify(payload), ...altered, `${header}.e30.AAAA`, "{}.e30."];
    return {
      seeds: seeds.map((seed) => Buffer.from(seed)),
      check: (input) => check(input, certificates, request),
    };
  },
};

async function check(
  input: Uint8Array,
  { release }: Certificates,
  request: ReleaseRequest,
): Promise<string> {
  const text = Buffer.from(input).toString();
  const json = parse(text);
  const jws = json === undefined ? text : await sign(encodeKey(parse(text)), release);
  const result = await attempt(
    () => verifyReleaseAnswer(jws, request),
    ({ name }) => name === "Error" || /^JW[ST]/u.test(name) || name === "JOSEError",
  );
  if ("refusal" in result) return result.refusal.message;
  assert(isObject(json), "an answer that nobody signed");
  // An accepted answer fits the request.
  for (const path of bound)
    assert.deepEqual(valueAt(json, path), valueAt(payload, path), path.join("."));
  assert(result.value.ciphertext.length > 0, "no ciphertext");
  return typeof result.value.version;
}

function valueAt(json: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => (isObject(value) ? value[name] : undefined), json);
}

async function sign(
  json: unknown,
  { chain, privateKey }: Certificates["release"],
): Promise<string> {
  const x5c = chain.map((certificate) => certificate.toString("base64"));
  return new CompactSign(Buffer.from(JSON.stringify(json)))
    .setProtectedHeader({ alg: "RS256", x5c })
    .sign(privateKey);
}

function encodeKey(json: unknown): unknown {
  let holder: unknown = json;
  for (const name of ["response", "key", "key"])
    holder = isObject(holder) ? holder[name] : undefined;
  if (isObject(holder) && isObject(holder["key_hsm"])) {
    holder["key_hsm"] = Buffer.from(JSON.stringify(holder["key_hsm"])).toString("base64url");
  }
  return json;
}

function parse(text: string): unknown {
  try {
    return isTooDeep(text) ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
