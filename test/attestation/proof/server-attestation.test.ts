import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { canonicalJson, type Json } from "../../../src/crypto/canonical-json.js";
import type { EvidenceProvider } from "../../../src/attestation/evidence.js";
import {
  quoteOver,
  testAttestation,
  testFacts,
  unsignedProvider,
} from "../../helpers/attestation.js";

const facts = await testFacts();
const never = new AbortController().signal;
const nonce = Buffer.alloc(16, 1).toString("base64url");

interface Answer {
  evidence: { type: string; quote: string };
  collateral?: object;
  runtime_data: string;
}

function read(answer: Buffer): Answer & { data: Record<string, unknown>; bytes: Buffer } {
  const parsed = JSON.parse(answer.toString()) as Answer;
  const bytes = Buffer.from(parsed.runtime_data, "base64url");
  return { ...parsed, bytes, data: JSON.parse(bytes.toString()) as Record<string, unknown> };
}

/** A provider whose quotes come when the test says so. */
function slowProvider(): EvidenceProvider & {
  calls: number;
  running: number;
  most: number;
  end: () => void;
} {
  let release: (() => void)[] = [];
  const slow = {
    ...{ calls: 0, running: 0, most: 0 },
    end: () => {
      for (const one of release.splice(0)) one();
    },
    collect: async (data: Uint8Array) => {
      slow.calls += 1;
      slow.running += 1;
      slow.most = Math.max(slow.most, slow.running);
      await new Promise<void>((resolve) => (release = [...release, resolve]));
      slow.running -= 1;
      return { type: "SgxEnclave", fields: { quote: quoteOver(data) } };
    },
  };
  return slow;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("an answer to a client", () => {
  test("binds exactly the runtime data that the decision fixes, in canonical form", async () => {
    const attestation = await testAttestation({ facts });
    const { evidence, bytes, data, collateral } = read(
      await attestation.withNonce({ nonce, client: "a", signal: never }),
    );
    const { encryption, signing, tls } = facts.keys;
    const { time, ...rest } = data;
    expect(rest).toEqual({
      purpose: "confml-client-attestation",
      nonce,
      tls: tls.keySha256.toString("base64url"),
      encryption: encryption.publicJwk,
      signing: signing.publicJwk,
      config: facts.config,
      model: facts.model,
      version: "0.1.0",
    });
    expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(60);
    expect(bytes.toString()).toBe(canonicalJson(data as Json));
    expect(Object.keys(encryption.publicJwk).sort()).toEqual(["crv", "kty", "x", "y"]);
    const digest = createHash("sha256").update(bytes).digest();
    const quote = Buffer.from(evidence.quote, "base64url");
    expect(quote.subarray(368, 432)).toEqual(Buffer.concat([digest], 64));
    expect([evidence.type, collateral]).toEqual(["sgx", undefined]);
  });

  test("without a nonce has none, and is made again after CacheMs", async () => {
    let nowMs = 0;
    const attestation = await testAttestation({ facts, cacheMs: 1000, now: () => nowMs });
    const first = await attestation.withoutNonce();
    expect(read(first).data).not.toHaveProperty("nonce");
    nowMs = 999;
    expect(await attestation.withoutNonce()).toBe(first);
    nowMs = 1000;
    expect(await attestation.withoutNonce()).not.toBe(first);
  });

  test("has the collateral where there is some", async () => {
    const collateral = { tcb_info: "{}" } as never;
    const attestation = await testAttestation({ collateralFor: () => Promise.resolve(collateral) });
    expect(read(await attestation.withoutNonce()).collateral).toEqual(collateral);
  });

  test.each<[string, EvidenceProvider]>([
    ["no TEE", { collect: () => Promise.reject(new Error("not inside Mystikos")) }],
    [
      "evidence of another TEE",
      {
        collect: (data) =>
          Promise.resolve({ type: "SevSnpVm", fields: { quote: quoteOver(data) } }),
      },
    ],
    ["no quote", { collect: () => Promise.resolve({ type: "SgxEnclave", fields: {} }) }],
    [
      "a quote over other data",
      {
        collect: () =>
          Promise.resolve({ type: "SgxEnclave", fields: { quote: quoteOver(Buffer.alloc(32)) } }),
      },
    ],
    [
      "a quote with more report data",
      {
        collect: (data) =>
          Promise.resolve({
            type: "SgxEnclave",
            fields: { quote: quoteOver(Buffer.concat([data, Buffer.of(1)])) },
          }),
      },
    ],
    [
      "a quote that is cut off",
      {
        collect: (data) =>
          Promise.resolve({
            type: "SgxEnclave",
            fields: { quote: quoteOver(data).subarray(0, 431) },
          }),
      },
    ],
    [
      "a quote of another version",
      {
        collect: (data) => {
          const quote = quoteOver(data);
          quote.writeUInt16LE(4);
          return Promise.resolve({ type: "SgxEnclave", fields: { quote } });
        },
      },
    ],
  ])("is not made of %s, and the reason is logged once", async (_, provider) => {
    const reasons: string[] = [];
    const attestation = await testAttestation({
      provider,
      onUnavailable: (one) => reasons.push(one),
    });
    for (let count = 0; count < 2; count += 1) {
      await expect(attestation.withoutNonce()).rejects.toMatchObject({
        code: "EVIDENCE_UNAVAILABLE",
      });
    }
    await expect(attestation.measurement()).rejects.toMatchObject({ code: "EVIDENCE_UNAVAILABLE" });
    await attestation.prepare();
    expect(reasons).toHaveLength(1);
    expect(attestation.type).toBeUndefined();
  });
});

describe("many clients at once", () => {
  test("get one quote at a time, in turn, up to the queue's bound", async () => {
    const provider = slowProvider();
    const attestation = await testAttestation({ provider, maxQueue: 8 });
    const outcomes: string[] = [];
    const ask = (client: string): Promise<void> =>
      attestation.withNonce({ nonce, client, signal: never }).then(
        () => void outcomes.push(client),
        (error: unknown) => void outcomes.push(`${client} ${(error as { code: string }).code}`),
      );
    const greedy = Array.from({ length: 1000 }, () => ask("greedy"));
    await turn();
    expect(attestation.queueLength).toBe(8);
    // The greedy client's newest request gives way.
    const modest = ask("modest");
    await turn();
    expect(attestation.queueLength).toBe(8);
    while (attestation.queueLength > 0 || provider.running > 0) {
      provider.end();
      await turn();
    }
    await Promise.all([...greedy, modest]);
    const served = outcomes.filter((one) => !one.includes("FULL"));
    expect([served.length, provider.calls, provider.most]).toEqual([9, 9, 1]);
    expect(served.indexOf("modest")).toBeLessThanOrEqual(2);
    expect(outcomes.filter((one) => one === "greedy ATTESTATION_QUEUE_FULL")).toHaveLength(992);
  });

  test("that send no nonce get one quote together, even where the queue is full", async () => {
    const provider = slowProvider();
    const attestation = await testAttestation({ provider, maxQueue: 1 });
    const waiting = [1, 2].map(() => attestation.withNonce({ nonce, client: "a", signal: never }));
    const all = Array.from({ length: 1000 }, () => attestation.withoutNonce());
    for (let count = 0; count < 6; count += 1) {
      await turn();
      provider.end();
    }
    expect(new Set(await Promise.all(all)).size).toBe(1);
    await Promise.all(waiting);
    expect(provider.calls).toBe(3);
  });

  test("that disconnect while they wait cost no quote", async () => {
    const provider = slowProvider();
    const attestation = await testAttestation({ provider });
    const gone = new AbortController();
    const first = attestation.withNonce({ nonce, client: "a", signal: never });
    const second = attestation.withNonce({ nonce, client: "a", signal: gone.signal });
    gone.abort(new Error("gone"));
    await expect(second).rejects.toThrow("gone");
    provider.end();
    await first;
    expect(provider.calls).toBe(1);
  });

  test("take nothing from each other: the measurement is that of the quote", async () => {
    const attestation = await testAttestation({ provider: unsignedProvider });
    expect(await attestation.measurement()).toBe("ab".repeat(32));
    expect(attestation.type).toBe("sgx");
  });
});
