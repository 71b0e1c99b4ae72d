import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { verifyServer, type ServerProof } from "../../../client/attestation/verify-server.js";
import { verifyReceipt } from "../../../client/messages/receipt.js";
import { encryptToServer, openAnswer } from "../../../client/messages/upload.js";
import { startEmulator, type Emulator } from "../../../emulator/server.js";
import { createQuote } from "../../../emulator/sgx-quote.js";
import type { EvidenceProvider } from "../../../src/attestation/evidence.js";
import { createAttestedServer } from "../../../src/http/attested-server.js";
import { Connections } from "../../../src/http/connections.js";
import { createWrappingKey } from "../../../src/secrets/mhsm/wrapping-key.js";
import { testAttestation, testFacts } from "../../helpers/attestation.js";
import { emulatedRoot, measurements, policyOf } from "../../helpers/attested-server.js";
import { attest, azureClients, policyFor, type AzureClients } from "../../helpers/azure-clients.js";
import { sharedCertificates } from "../../helpers/certificates.js";
import { flat } from "../../helpers/pictures.js";
import { testApp } from "../../helpers/test-app.js";

const facts = await testFacts();
let emulator: Emulator;
let clients: AzureClients;
let provider: EvidenceProvider;
let url: string;
let port: number;
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  emulator = await startEmulator({
    modelsFolder: "/nonexistent",
    certificates: await sharedCertificates(),
  });
  clients = azureClients(emulator);
  provider = {
    collect: (digest) => Promise.resolve({ type: "SgxEnclave", fields: { quote: quote(digest) } }),
  };
  const attestation = await testAttestation({
    facts,
    provider,
    collateralFor: () => Promise.resolve(emulator.sgxPlatform.collateral),
  });
  const { app } = await testApp({ app: { attestation, formats: ["plain", "attested"] } });
  const server = createAttestedServer(facts.keys.tls, { headersTimeout: 60_000 });
  const limits = { maxConnections: 100, maxConnectionsPerAddress: 100 };
  const connections = new Connections({
    ...{ server, onRequest: app },
    limits: { ...limits, requestTimeoutMs: 60_000, lingerMs: 1000 },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
  url = `https://127.0.0.1:${port}`;
  cleanups.push(
    () => connections.close(),
    () => emulator.close(),
    () => {
      clients.agent.destroy();
    },
  );
});

afterAll(async () => {
  for (const clean of cleanups) await clean();
});

/** A quote of the emulated platform, not debuggable. */
function quote(digest: Uint8Array): Buffer {
  return createQuote(
    {
      mrenclave: Buffer.from(measurements.mrenclave, "hex"),
      mrsigner: Buffer.from(measurements.mrsigner, "hex"),
      ...{ productId: 1, securityVersion: 3, debuggable: false },
      reportData: Buffer.concat([digest], 64),
    },
    emulator.sgxPlatform.quotingKeyPem,
  );
}

/** Sends one request on a connection of its own, and says which key it showed. */
async function exchange(head: string, body: Uint8Array = Buffer.alloc(0)) {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const spki = socket.getPeerX509Certificate()?.publicKey.export({ type: "spki", format: "der" });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.write(`${head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`);
  socket.write(body);
  if (body.length === 0) socket.write("\r\n");
  await once(socket, "close");
  const whole = Buffer.concat(chunks);
  const end = whole.indexOf("\r\n\r\n");
  return {
    key: createHash("sha256")
      .update(spki ?? "")
      .digest(),
    status: Number(whole.subarray(9, 12).toString()),
    body: whole.subarray(end + 4),
  };
}

function post(jwe: string): Promise<Awaited<ReturnType<typeof exchange>>> {
  const form = `--x\r\nContent-Disposition: form-data; name="image"; filename="a.jwe"\r\n\r\n${jwe}\r\n--x--\r\n`;
  const type = "Content-Type: multipart/form-data; boundary=x";
  const head = `${type}\r\nContent-Length: ${Buffer.byteLength(form)}\r\n\r\n`;
  return exchange("POST /evaluate", Buffer.from(head + form));
}

async function verify(): Promise<ServerProof> {
  const nonce = randomBytes(32);
  const { body, key } = await exchange(`GET /attestation?nonce=${nonce.toString("base64url")}`);
  return verifyServer({
    attestation: JSON.parse(body.toString()) as unknown,
    ...{ nonce, tlsKeySha256: key, policy: policyOf(), now: new Date() },
    roots: [emulatedRoot(emulator.sgxPlatform)],
  });
}

describe("the client's library", () => {
  test("verifies this server, sends a picture, opens the answer and verifies the receipt", async () => {
    const proof = await verify();
    expect([proof.fresh, proof.tlsVerified, proof.measurement]).toEqual([
      true,
      true,
      measurements.mrenclave,
    ]);
    const picture = await flat("blue").png().toBuffer();
    const key = proof.runtimeData.encryption;
    const { jwe, replyKey } = await encryptToServer(picture, key, { top: 2, receipt: true });
    const { status, body } = await post(jwe);
    expect(status).toBe(200);
    const answer = await openAnswer(body.toString(), replyKey);
    const { receipt, predictions } = JSON.parse(answer) as {
      receipt: string;
      predictions: unknown[];
    };
    expect(predictions).toHaveLength(2);
    const told = { proof, request: Buffer.from(jwe), answer: Buffer.from(answer) };
    const { claims } = await verifyReceipt(receipt, told);
    expect(claims.model).toEqual(facts.model);
    const other = { ...told, request: Buffer.from(`${jwe} `) };
    await expect(verifyReceipt(receipt, other)).rejects.toMatchObject({ code: "RECEIPT_MISMATCH" });
  });

  test("answers health probes and verifies evidence without a nonce over HTTPS", async () => {
    expect((await exchange("GET /v2/health/ready")).status).toBe(200);
    const { body, key } = await exchange("GET /attestation");
    const proof = await verifyServer({
      attestation: JSON.parse(body.toString()) as unknown,
      ...{ nonce: undefined, tlsKeySha256: key, policy: policyOf(), now: new Date() },
      roots: [emulatedRoot(emulator.sgxPlatform)],
    });
    expect(proof.fresh).toBe(false);
    expect(url).toMatch(/^https/u);
  });
});

describe("the domains of evidence", () => {
  test("no key is released on a client's evidence, whatever nonce it was made over", async () => {
    const client = clients.keyClient("owners");
    await client.importKey(
      "ModelKey",
      { kty: "oct-HSM", k: randomBytes(32), keyOps: ["encrypt", "decrypt"] },
      {
        exportable: true,
        releasePolicy: {
          encodedPolicy: Buffer.from(JSON.stringify(policyFor(measurements.mrenclave))),
        },
      },
    );
    const wrapping = await createWrappingKey();
    const release = async (runtimeData: Uint8Array, quoted: Uint8Array): Promise<unknown> => {
      const { token } = await attest(clients, quoted, runtimeData);
      return clients.keyClient("server").releaseKey("ModelKey", token);
    };
    const digest = (data: Uint8Array): Buffer => createHash("sha256").update(data).digest();
    // The vault releases on a release's evidence.
    await release(wrapping.runtimeData, quote(digest(wrapping.runtimeData)));
    const { body } = await exchange(`GET /attestation?nonce=${"A".repeat(43)}`);
    const answer = JSON.parse(body.toString()) as {
      evidence: { quote: string };
      runtime_data: string;
    };
    const [data, made] = [answer.runtime_data, answer.evidence.quote].map((text) =>
      Buffer.from(text, "base64url"),
    );
    expect(JSON.parse(String(data))).not.toHaveProperty("keys");
    await expect(release(data ?? Buffer.alloc(0), made ?? Buffer.alloc(0))).rejects.toThrow();
    // The service refuses the quote with a release's runtime data.
    expect(await attest(clients, made ?? Buffer.alloc(0), wrapping.runtimeData)).toMatchObject({
      status: 400,
    });
  });

  test("no client accepts a release's evidence", async () => {
    const { runtimeData } = await createWrappingKey();
    const made = quote(createHash("sha256").update(runtimeData).digest());
    const attestation = {
      evidence: { type: "sgx", quote: made.toString("base64url") },
      collateral: emulator.sgxPlatform.collateral,
      runtime_data: runtimeData.toString("base64url"),
    };
    await expect(
      verifyServer({
        attestation,
        ...{ nonce: undefined, tlsKeySha256: undefined, policy: policyOf(), now: new Date() },
        roots: [emulatedRoot(emulator.sgxPlatform)],
      }),
    ).rejects.toMatchObject({
      code: expect.stringMatching(/^(RUNTIME_DATA_MALFORMED|RELEASE_KEYS_PRESENT)$/u) as unknown,
    });
  });
});
