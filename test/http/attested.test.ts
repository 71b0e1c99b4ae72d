import { createHash } from "node:crypto";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { compactVerify, importJWK, type JWK } from "jose";
import request from "supertest";
import { ServerAttestation } from "../../src/attestation/proof/server-attestation.js";
import { canonicalJson, type Json } from "../../src/crypto/canonical-json.js";
import { EcdhKey } from "../../src/crypto/ecdh-key.js";
import { sealJwe } from "../../src/crypto/jwe.js";
import { thumbprint } from "../../src/crypto/public-jwk.js";
import { measurement, testAttestation, testFacts } from "../helpers/attestation.js";
import {
  openReply,
  replyKey,
  rewriteHeader,
  sealAttested,
  sealByHand,
} from "../helpers/attested-uploads.js";
import { flat } from "../helpers/pictures.js";
import { evaluate, imageKeys, testApp, type Part, type TestApp } from "../helpers/test-app.js";

const facts = await testFacts();
const { encryption, signing } = facts.keys;
const formats = ["plain", "jwe", "attested"] as const;
const named = { name: "picture.jwe" };
let confml: TestApp;
let picture: Buffer;

beforeAll(async () => {
  picture = await flat("green").png().toBuffer();
  confml = await testApp({ app: { formats, attestation: await testAttestation({ facts }) } });
});

const sha256 = (data: Uint8Array | string): string =>
  createHash("sha256").update(data).digest("hex");

/** Sends an upload, and reads a body of any media type as bytes. */
async function send(bytes: Buffer, part: Part = {}, app = confml) {
  const response = await evaluate(app, bytes, { ...named, ...part })
    .buffer(true)
    .parse((response, done) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        done(null, Buffer.concat(chunks));
      });
    });
  const { status, headers } = response;
  const type = String(headers["content-type"]);
  const body = response.body as Buffer;
  return { status, type, receipt: headers["receipt"], body, text: body.toString() };
}

const predictions = (json: Record<string, unknown>): unknown[] => json["predictions"] as unknown[];

describe("an attested upload", () => {
  test("is answered as JWE under its reply key, padded, whatever Accept says", async () => {
    for (const accept of ["*/*", "text/plain", "application/json", "image/png"]) {
      const answer = await send(await sealAttested(picture, encryption.publicJwk), { accept });
      expect([answer.status, answer.type]).toEqual([200, "application/jose"]);
      const { header, length, json } = await openReply(answer.body);
      expect(JSON.stringify(header)).toBe('{"alg":"dir","enc":"A256GCM"}');
      expect(length).toBe(4096);
      expect(json).not.toHaveProperty("receipt");
      expect(json["image"]).toMatchObject({ encrypted: true, format: "png" });
      expect(predictions(json)).toHaveLength(3);
      expect(predictions(json)[0]).toMatchObject({ rank: 1, label: "green" });
    }
  });

  test("may name its type in place of a suffix, and may end with a line break", async () => {
    const token = Buffer.concat([
      await sealAttested(picture, encryption.publicJwk),
      Buffer.from("\r\n"),
    ]);
    const answer = await send(token, { name: "picture", type: "application/jose" });
    expect(answer.status).toBe(200);
  });

  test("is answered encrypted even where Results.Encrypt is never", async () => {
    const app = await testApp({
      results: { Encrypt: "never" },
      app: { formats, attestation: await testAttestation({ facts }) },
    });
    const answer = await send(await sealAttested(picture, encryption.publicJwk), {}, app);
    expect([answer.status, answer.type]).toEqual([200, "application/jose"]);
  });

  test("says in its protected header how many labels it asks for, and the query cannot", async () => {
    const token = await sealAttested(picture, encryption.publicJwk, { top: 1 });
    const { json } = await openReply((await send(token)).body);
    expect(predictions(json)).toHaveLength(1);
    const refused = await send(token, { query: "?top=2" });
    expect([refused.status, refused.text]).toEqual([
      400,
      expect.stringMatching(/^PARAMETER_INVALID/u),
    ]);
    // Headers cannot either: what the host adds changes nothing.
    const headers = { "Accept-Receipt": "A".repeat(43), Receipt: "true" };
    const answer = await send(token, { headers });
    expect(answer.receipt).toBeUndefined();
    expect((await openReply(answer.body)).json).not.toHaveProperty("receipt");
  });

  test("under another kid is told to attest again, however much else is wrong with it", async () => {
    const other = await EcdhKey.create();
    const old = await sealAttested(picture, other.publicJwk);
    for (const token of [old, rewriteHeader(old, (header) => (header["zip"] = "DEF"))]) {
      const { status, text } = await send(token);
      expect([status, text]).toEqual([422, expect.stringMatching(/^ATTESTATION_OUTDATED: /u)]);
    }
  });

  test("has one answer for everything else that is wrong with it", async () => {
    const jwk = encryption.publicJwk;
    const token = await sealAttested(picture, jwk);
    const parts = token.toString().split(".");
    const flip = (at: number): Buffer =>
      Buffer.from(
        parts
          .map((part, index) => (index === at ? `${part.slice(0, -6)}AAAA${part.slice(-2)}` : part))
          .join("."),
      );
    const texts = await Promise.all(
      [
        ...[1, 2, 3, 4].map(flip),
        rewriteHeader(token, (header) => (header["top"] = 2)),
        rewriteHeader(token, (header) => delete header["kid"]),
        rewriteHeader(token, (header) => (header["kid"] = 1)),
        await sealAttested(picture, jwk, { cty: "json" }),
        await sealAttested(picture, jwk, { kid: undefined }),
        await sealAttested(picture, jwk, { top: 4 }),
        await sealAttested(picture, jwk, { top: 1e9 }),
        await sealAttested(Buffer.alloc(0), jwk),
        await sealAttested(Buffer.from("no picture"), jwk),
        await sealAttested(await flat("red", 2000, 2000).png().toBuffer(), jwk),
        sealByHand(Buffer.alloc(31), jwk),
        sealByHand(Buffer.concat([replyKey, picture]), jwk, { header: { apu: "" } }),
        Buffer.from(`${parts[0] ?? ""}.`),
        Buffer.from(parts.slice(0, 4).join(".")),
      ].map(async (bytes) => {
        const { status, text } = await send(bytes);
        return `${status} ${text}`;
      }),
    );
    expect([...new Set(texts)]).toEqual([
      "422 ENCRYPTED_IMAGE_REJECTED: expected a picture encrypted under a key of this server's",
    ]);
    expect(confml.bugs).toEqual([]);
  });

  test("is refused where the configuration does not allow the format, and so is a JWE where only it is", async () => {
    const attestation = await testAttestation({ facts });
    const jweOnly = await testApp({ app: { formats: ["jwe"], attestation } });
    const token = await sealAttested(picture, encryption.publicJwk);
    expect((await send(token, {}, jweOnly)).text).toMatch(/^FORMAT_REFUSED: .*got attested/u);
    const attestedOnly = await testApp({ app: { formats: ["attested"], attestation } });
    const jwe = Buffer.from(await sealJwe(imageKeys.First, picture, { kid: "First" }));
    expect((await send(jwe, {}, attestedOnly)).text).toMatch(/^FORMAT_REFUSED: .*got jwe/u);
  });
});

describe("the attested key and released keys", () => {
  test("never stand in for each other, whatever a kid says", async () => {
    const byName = await sealAttested(picture, encryption.publicJwk, { kid: "First" });
    expect((await send(byName)).text).toMatch(/^ATTESTATION_OUTDATED/u);
    // A token under a released key that names the attested one.
    const kid = encryption.kid;
    const released = Buffer.from(await sealJwe(imageKeys.First, picture, { kid }));
    expect((await send(released)).text).toMatch(/^ENCRYPTED_IMAGE_REJECTED/u);
    // The reply key opens nothing, though the server has just seen it.
    await send(await sealAttested(picture, encryption.publicJwk));
    const reply = Buffer.from(await sealJwe(replyKey, picture, { kid }));
    expect((await send(reply)).text).toMatch(/^ENCRYPTED_IMAGE_REJECTED/u);
  });

  test("the three attested keys differ, and have a thumbprint as kid", () => {
    const { tls } = facts.keys;
    expect(new Set([encryption.kid, signing.kid, tls.keySha256.toString("base64url")]).size).toBe(
      3,
    );
    expect([encryption.kid, signing.kid]).toEqual(
      [encryption.publicJwk, signing.publicJwk].map(thumbprint),
    );
  });
});

/** Checks a receipt with jose, and returns its claims. */
async function open(receipt: unknown): Promise<Record<string, unknown>> {
  const key = await importJWK(signing.publicJwk as unknown as JWK, "ES256");
  const { payload, protectedHeader } = await compactVerify(String(receipt), key, {
    algorithms: ["ES256"],
  });
  expect(protectedHeader).toEqual({ alg: "ES256", kid: signing.kid, typ: "confml-receipt+jwt" });
  return JSON.parse(Buffer.from(payload).toString()) as Record<string, unknown>;
}

describe("a receipt", () => {
  const nonce = Buffer.alloc(16, 5).toString("base64url");
  const common = { model: facts.model, config: facts.config, measurement };

  test("of a text answer is a header, over the bytes of the text", async () => {
    const plain = { name: "picture.png", headers: { Receipt: "true" } };
    const { receipt, text, type } = await send(picture, plain);
    expect(type).toMatch(/^text\/plain/u);
    const { iat, ...claims } = await open(receipt);
    expect(claims).toEqual({ request: sha256(picture), answer: sha256(text), ...common });
    expect(Math.abs(Number(iat) - Date.now() / 1000)).toBeLessThan(60);
  });

  test("of a JSON answer is a member, over the canonical JSON without it", async () => {
    const part = { name: "picture.png", accept: "application/json" };
    const { receipt, text } = await send(picture, {
      ...part,
      headers: { "Accept-Receipt": nonce },
    });
    expect(receipt).toBeUndefined();
    const { receipt: member, ...rest } = JSON.parse(text) as Record<string, unknown>;
    const claims = await open(member);
    const answer = sha256(canonicalJson(rest as Json));
    expect(claims).toEqual({
      ...common,
      request: sha256(picture),
      answer,
      nonce,
      iat: claims["iat"],
    });
  });

  test("of an encrypted answer is inside the encryption, and the answer is padded with it", async () => {
    const attested = await sealAttested(picture, encryption.publicJwk, { receipt: true });
    const jwe = Buffer.from(await sealJwe(imageKeys.First, picture, { kid: "First" }));
    const answers = [
      { upload: attested, part: {}, key: replyKey },
      { upload: jwe, part: { headers: { Receipt: "true" } }, key: imageKeys.First },
    ];
    for (const { upload, part, key } of answers) {
      const { receipt, body, type } = await send(upload, part);
      expect([receipt, type]).toEqual([undefined, "application/jose"]);
      const { json, length } = await openReply(body, key);
      expect(length % 4096).toBe(0);
      const { receipt: member, ...rest } = json;
      const claims = await open(member);
      expect([claims["request"], claims["answer"]]).toEqual([
        sha256(upload),
        sha256(canonicalJson(rest as Json)),
      ]);
      expect(claims).not.toHaveProperty("nonce");
    }
  });

  test("is not given unless it is asked for", async () => {
    const { receipt, text } = await send(picture, {
      name: "picture.png",
      accept: "application/json",
    });
    expect([receipt, JSON.parse(text)]).toEqual([
      undefined,
      expect.not.objectContaining({ receipt: expect.anything() }),
    ]);
  });

  test.each<[string, Record<string, string>]>([
    ["Receipt: false", { Receipt: "false" }],
    ["a nonce of 15 bytes", { "Accept-Receipt": Buffer.alloc(15).toString("base64url") }],
    ["a nonce of 65 bytes", { "Accept-Receipt": Buffer.alloc(65).toString("base64url") }],
    ["a nonce with padding", { "Accept-Receipt": Buffer.alloc(16).toString("base64") }],
  ])("is refused with %s", async (_, headers) => {
    const { status, text } = await send(picture, { name: "picture.png", headers });
    expect([status, text]).toEqual([400, expect.stringMatching(/^PARAMETER_INVALID/u)]);
  });

  test("cannot be had where there is no evidence: no answer pretends that there is one", async () => {
    const provider = { collect: () => Promise.reject(new Error("no TEE")) };
    const app = await testApp({ app: { attestation: await testAttestation({ provider }) } });
    const { status, text } = await send(
      picture,
      { name: "a.png", headers: { Receipt: "true" } },
      app,
    );
    expect([status, text]).toEqual([503, expect.stringMatching(/^EVIDENCE_UNAVAILABLE/u)]);
    // The model did not run for it.
    expect(app.stages.map(({ stage }) => stage)).toEqual(["upload"]);
    expect((await send(picture, { name: "a.png" }, app)).status).toBe(200);
  });
});

describe("POST /v2/models/NAME/infer", () => {
  async function infer(tokens: readonly Buffer[], parameters: object) {
    const data = tokens.map(String);
    const input = { name: "pixels", shape: [data.length], datatype: "BYTES", data };
    return request(confml.app)
      .post("/v2/models/colours/infer")
      .send({ inputs: [input], parameters: { format: "attested", ...parameters } });
  }

  test("answers attested pictures each under its own reply key, with its own top and receipt", async () => {
    const other = Buffer.alloc(32, 8);
    const answer = await infer(
      [
        await sealAttested(picture, encryption.publicJwk, { top: 1 }),
        await sealAttested(picture, encryption.publicJwk, { receipt: true }, other),
      ],
      {},
    );
    expect(answer.status).toBe(200);
    const [output] = (answer.body as { outputs: { data: string[] }[] }).outputs;
    const [first = "", second = ""] = output?.data ?? [];
    expect(predictions((await openReply(Buffer.from(first))).json)).toHaveLength(1);
    const { json } = await openReply(Buffer.from(second), other);
    expect(predictions(json)).toHaveLength(3);
    await open(json["receipt"]);
  });

  test("takes no top from the host, and no token of another kind", async () => {
    const token = await sealAttested(picture, encryption.publicJwk);
    expect((await infer([token], { top: 1 })).text).toMatch(/PARAMETER_INVALID/u);
    const jwe = Buffer.from(await sealJwe(imageKeys.First, picture, { kid: "First" }));
    expect((await infer([jwe], {})).text).toMatch(/ENCRYPTED_IMAGE_REJECTED/u);
  });
});

describe("GET /attestation", () => {
  test("answers with a nonce of 16 to 64 bytes, and none other", async () => {
    const get = (query: string) => request(confml.app).get(`/attestation${query}`);
    for (const bytes of [16, 64]) {
      const nonce = Buffer.alloc(bytes, 0xff).toString("base64url");
      const answer = await get(`?nonce=${nonce}`);
      const { runtime_data: data } = answer.body as { runtime_data: string };
      expect([answer.status, JSON.parse(Buffer.from(data, "base64url").toString())]).toEqual([
        200,
        expect.objectContaining({ nonce }),
      ]);
    }
    const nonce = Buffer.alloc(16, 0xff);
    for (const text of [
      "",
      Buffer.alloc(15).toString("base64url"),
      Buffer.alloc(65).toString("base64url"),
      encodeURIComponent(nonce.toString("base64")),
      `${nonce.toString("base64url").slice(0, -1)}x`,
      `${nonce.toString("base64url")}&nonce=${nonce.toString("base64url")}`,
    ]) {
      const { status, text: body } = await get(`?nonce=${text}`);
      expect([status, body]).toEqual([400, expect.stringMatching(/^PARAMETER_INVALID/u)]);
    }
  });

  test("says so where there is no evidence, and GET /v2 says it as well", async () => {
    const provider = { collect: () => Promise.reject(new Error("no TEE")) };
    const attestation = await testAttestation({ provider });
    const { app } = await testApp({ app: { attestation } });
    const { status, headers, text } = await request(app).get("/attestation");
    expect([status, headers["retry-after"], text]).toEqual([
      503,
      "60",
      expect.stringMatching(/^EVIDENCE_UNAVAILABLE: /u),
    ]);
    expect((await request(app).get("/v2")).body).toMatchObject({
      attestation: { available: false },
    });
    expect((await request(confml.app).get("/v2")).body).toMatchObject({
      attestation: { available: true, type: "sgx" },
    });
    expect(attestation).toBeInstanceOf(ServerAttestation);
  });
});
