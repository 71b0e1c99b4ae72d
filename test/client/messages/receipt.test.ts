import { createHash } from "node:crypto";
import { CompactSign } from "jose";
import { describe, expect, test } from "@jest/globals";
import { thumbprint } from "../../../client/attestation/jwk.js";
import { readRuntimeData } from "../../../client/attestation/runtime-data.js";
import { answerDigest, verifyReceipt } from "../../../client/messages/receipt.js";
import {
  config,
  createServerKeys,
  measurements,
  model,
  publicJwk,
  runtimeMembers,
  toCanonicalBytes,
} from "../../helpers/attested-server.js";

const keys = createServerKeys();
const runtimeData = readRuntimeData(toCanonicalBytes(runtimeMembers(keys, Buffer.alloc(16))));
const proof = { runtimeData, measurement: measurements.mrenclave };
const request = Buffer.from("eyJ…the uploaded file");
const answer = Buffer.from('{"b":1.0,"a":[{"label":"caf\u00e9"}]}');
const canonical = '{"a":[{"label":"caf\u00e9"}],"b":1}';
const hash = (data: string | Buffer): string => createHash("sha256").update(data).digest("hex");

const claims = {
  request: hash(request),
  answer: hash(canonical),
  model,
  config,
  measurement: measurements.mrenclave,
  iat: 1_790_000_000,
};

async function sign(change: object = {}, header: object = {}, key = keys.signing): Promise<string> {
  const kid = await thumbprint(publicJwk(keys.signing));
  return new CompactSign(Buffer.from(JSON.stringify({ ...claims, ...change })))
    .setProtectedHeader({ alg: "ES256", kid, typ: "confml-receipt+jwt", ...header })
    .sign(key);
}

const verify = (receipt: string, change: object = {}): ReturnType<typeof verifyReceipt> =>
  verifyReceipt(receipt, { proof, request, answer, ...change });

describe("verifyReceipt", () => {
  test("accepts the receipt of this request and this answer, padded and with its receipt or without", async () => {
    const receipt = await sign();
    const whole = { ...(JSON.parse(answer.toString()) as object), receipt };
    const padded = Buffer.from(JSON.stringify(whole).padEnd(4096));
    for (const each of [answer, padded]) {
      const { checks } = await verify(receipt, { answer: each });
      expect(checks.every(({ met }) => met)).toBe(true);
    }
  });

  test("accepts the receipt of an answer in text, by its bytes", async () => {
    const text = Buffer.from("file inferenced successfully.\n");
    await verify(await sign({ answer: hash(text) }), { answer: text });
  });

  test.each(["request", "answer", "config"])("refuses another %s", async (name) => {
    await expect(verify(await sign({ [name]: "00".repeat(32) }))).rejects.toMatchObject({
      code: "RECEIPT_MISMATCH",
      message: expect.stringContaining(`${name}: expected`),
    });
  });

  test("refuses another model, measurement, request and answer", async () => {
    for (const change of [
      { model: { ...model, version: "2" } },
      { model: { ...model, sha256: "00".repeat(32) } },
      { measurement: "00".repeat(32) },
    ]) {
      await expect(verify(await sign(change))).rejects.toMatchObject({ code: "RECEIPT_MISMATCH" });
    }
    const receipt = await sign();
    for (const change of [
      { request: answer },
      { answer: request },
      { answer: Buffer.from("{}") },
    ]) {
      await expect(verify(receipt, change)).rejects.toMatchObject({ code: "RECEIPT_MISMATCH" });
    }
  });

  test("refuses another key, another header and other claims", async () => {
    for (const receipt of [
      await sign({}, {}, createServerKeys().signing),
      await sign({}, { kid: "another" }),
      await sign({}, { typ: "JWT" }),
      await sign({}, { jwk: publicJwk(keys.signing) }),
      await sign({ more: 1 }),
      await sign({ iat: "now" }),
      await sign({ request: claims.request.toUpperCase() }),
      "",
      "a.b.c",
    ]) {
      await expect(verify(receipt)).rejects.toMatchObject({ code: "RECEIPT_INVALID" });
    }
  });

  test("refuses algorithms that need no private key", async () => {
    const [, payload = ""] = (await sign()).split(".");
    const kid = await thumbprint(publicJwk(keys.signing));
    const header = (alg: string): string =>
      Buffer.from(JSON.stringify({ alg, kid, typ: "confml-receipt+jwt" })).toString("base64url");
    const spki = keys.signing.export({ format: "jwk" });
    const hmac = await new CompactSign(Buffer.from(payload, "base64url"))
      .setProtectedHeader({ alg: "HS256", kid, typ: "confml-receipt+jwt" })
      .sign(Buffer.from(spki.x ?? "", "base64url"));
    for (const receipt of [`${header("none")}.${payload}.`, hmac]) {
      await expect(verify(receipt)).rejects.toMatchObject({ code: "RECEIPT_INVALID" });
    }
  });

  test("refuses a receipt with any byte of its signature or claims changed", async () => {
    const receipt = await sign();
    const parts = receipt.split(".").map((part) => Buffer.from(part, "base64url"));
    for (const [index, part] of parts.entries()) {
      for (let at = 0; at < part.length; at += 1) {
        const changed = Buffer.from(part);
        changed[at] = (changed[at] ?? 0) ^ 1;
        const token = parts
          .map((each, other) => (other === index ? changed : each).toString("base64url"))
          .join(".");
        await expect(verify(token)).rejects.toMatchObject({ code: "RECEIPT_INVALID" });
      }
    }
  });
});

describe("answerDigest", () => {
  test("is the same for all ways to write a JSON object, and another for text", async () => {
    expect(await answerDigest(answer)).toBe(hash(canonical));
    expect(
      await answerDigest(Buffer.from(` {"a":[{"label":"caf\\u00e9"}],"receipt":"x","b":1e0}`)),
    ).toBe(hash(canonical));
    for (const text of ["", "[1]", "null", "1", '{"a":', "\u00ff"]) {
      expect(await answerDigest(Buffer.from(text))).toBe(hash(text));
    }
  });
});
