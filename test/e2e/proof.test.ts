import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { setScene, type Scene } from "../helpers/scene.js";
import { runServerToItsEnd, startServer, type ServerProcess } from "../helpers/server-process.js";

let scene: Scene;
let server: ServerProcess;
let configFile: string;

beforeAll(async () => {
  scene = await setScene();
  await scene.importKeys();
  scene.inference["Listen"] = { Host: "127.0.0.1", Port: 0, TlsPort: 0 };
  const launch = await scene.launch();
  ({ configFile } = launch);
  server = await startServer(launch);
});

afterAll(async () => {
  await server.stop();
  await scene.close();
});

const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

async function get(path: string): Promise<{ key: Buffer; json: Record<string, unknown> }> {
  const port = Number(/"tlsPort":(\d+)/u.exec(server.output())?.[1]);
  const sent = request({ host: "127.0.0.1", port, path, rejectUnauthorized: false });
  sent.end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const { socket } = response;
  const spki = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.publicKey : undefined;
  const chunks = (await response.toArray()) as Buffer[];
  return {
    key: sha256(spki?.export({ type: "spki", format: "der" }) ?? Buffer.alloc(0)),
    json: JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>,
  };
}

describe("a server with a TlsPort", () => {
  test("attests its TLS key, its configuration and its model, by the code that runs", async () => {
    const nonce = Buffer.alloc(32, 9).toString("base64url");
    const { key, json } = await get(`/attestation?nonce=${nonce}`);
    const bytes = Buffer.from(String(json["runtime_data"]), "base64url");
    expect(JSON.parse(bytes.toString())).toMatchObject({
      nonce,
      tls: key.toString("base64url"),
      config: sha256(await readFile(configFile)).toString("hex"),
      model: { name: "colours", sha256: scene.inference.Model["Sha256"] },
    });
    const { quote } = json["evidence"] as { quote: string };
    const signed = Buffer.from(quote, "base64url");
    expect(signed.subarray(112, 144).toString("hex")).toBe(scene.measurement);
    expect(signed.subarray(368, 400)).toEqual(sha256(bytes));
  });

  test("serves health on both ports, and says that it can attest", async () => {
    expect((await get("/v2/health/ready")).json).toMatchObject({ ready: true });
    const plain = await fetch(`http://127.0.0.1:${server.port}/v2`);
    expect(await plain.json()).toMatchObject({ attestation: { available: true, type: "sgx" } });
  });
});

describe("the plain port", () => {
  test("cannot be switched off without a TlsPort", async () => {
    scene.inference["Listen"] = { Host: "127.0.0.1", Port: null };
    const { code, stderr } = await runServerToItsEnd(await scene.launch());
    expect([code, stderr]).toEqual([78, expect.stringContaining("Inference.Listen.Port")]);
  });
});
