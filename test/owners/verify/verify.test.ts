import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { answerDigest } from "../../../client/messages/receipt.js";
import { thumbprint } from "../../../client/attestation/jwk.js";
import { createCertificates } from "../../../emulator/certificates.js";
import {
  config,
  createEmulatedServer,
  measurements,
  model,
  publicJwk,
  verification,
  type EmulatedServer,
} from "../../helpers/attested-server.js";
import { runConfml, type EndedCommand } from "../confml-process.js";
import { CompactSign } from "jose";

let folder: string;
let emulated: EmulatedServer;
let server: Server;
let url: string;
/** What the server answers to a nonce; tests change it. */
let respond: (nonce: Buffer) => { status?: number; body: unknown };

function attest(nonce: Buffer): { body: unknown } {
  return { body: verification({ ...emulated, nonce }).attestation };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "confml-verify-"));
  const { tls } = await createCertificates();
  emulated = await createEmulatedServer();
  const { publicKey } = new X509Certificate(tls.certificatePem);
  const spki = publicKey.export({ type: "spki", format: "der" });
  emulated.keys.tls = createHash("sha256").update(spki).digest();
  server = createServer(
    {
      key: tls.privateKey.export({ type: "pkcs8", format: "pem" }),
      cert: tls.certificatePem,
      minVersion: "TLSv1.3",
    },
    (request, response) => {
      const nonce = new URL(request.url ?? "", "https://a").searchParams.get("nonce") ?? "";
      const { status = 200, body } = respond(Buffer.from(nonce, "base64url"));
      response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  write("root.pem", emulated.platform.rootPem);
  write("policy.json", policyFor(measurements.mrenclave));
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  respond = attest;
});

function write(file: string, text: string): void {
  writeFileSync(join(folder, file), text);
}

function policyFor(mrenclave: string): string {
  const measured = { claim: "x-ms-sgx-mrenclave", equals: mrenclave };
  return JSON.stringify({ version: "1.0.0", anyOf: [{ allOf: [measured] }] });
}

const emulatedRoot = ["--allow-emulated", "root.pem"];

function verify(...args: string[]): Promise<EndedCommand> {
  return runConfml(["verify", url, "--policy", "policy.json", ...args], { folder });
}

describe("confml verify", () => {
  test("prints a line for each claim, and that emulated evidence proves nothing", async () => {
    const { status, stdout, stderr } = await verify(...emulatedRoot);
    expect([status, stderr]).toEqual([0, ""]);
    for (const line of [
      /^met {6}root +an emulator's root: this evidence proves nothing \(wanted a trusted root\)$/mu,
      /^met {6}nonce +"[\w-]{43}"$/mu,
      /^met {6}tls +"[\w-]{43}"$/mu,
      new RegExp(`^met {6}x-ms-sgx-mrenclave +"${measurements.mrenclave}"$`, "mu"),
      /^met {6}tcb-status +"UpToDate"$/mu,
      new RegExp(`^model {8}"shapes" version "1", SHA-256 ${model.sha256}$`, "mu"),
      new RegExp(`^config\\.json {2}SHA-256 ${config}$`, "mu"),
      /^EMULATED: this evidence comes from an emulator\./mu,
      /^The TLS connection ends in the attested code\.$/mu,
      new RegExp(`^verified: ${url}$`, "mu"),
    ]) {
      expect(stdout).toMatch(line);
    }
  });

  test("prints one JSON object with --json", async () => {
    const { status, stdout } = await verify(...emulatedRoot, "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ url, verified: true, emulated: true, tlsVerified: true, config, model },
      measurement: measurements.mrenclave,
    });
  });

  test("refuses emulated evidence unless its root is given", async () => {
    const { status, stdout } = await verify();
    expect(status).toBe(1);
    expect(stdout).toMatch(/^refused: ROOT_UNTRUSTED: [^]*^Send nothing to this server\.$/mu);
  });

  test("refuses another measurement, and says what was wanted and what came", async () => {
    write("other.json", policyFor("00".repeat(32)));
    const args = ["verify", url, "--policy", "other.json", ...emulatedRoot];
    const { status, stdout } = await runConfml(args, { folder });
    expect(status).toBe(1);
    expect(stdout).toMatch(
      new RegExp(
        `^REFUSED {2}x-ms-sgx-mrenclave +wanted "${"00".repeat(32)}", got "${measurements.mrenclave}"$`,
        "mu",
      ),
    );
    expect(stdout).toContain("refused: MRENCLAVE_REFUSED");
  });

  test("refuses the answer to another nonce", async () => {
    const yesterday = attest(Buffer.alloc(32, 1));
    respond = () => yesterday;
    const { status, stdout } = await verify(...emulatedRoot, "--json");
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ verified: false, code: "NONCE_MISMATCH" });
  });

  test("refuses a man in the middle, who forwards the answer over TLS of his own", async () => {
    const keys = { ...emulated.keys, tls: Buffer.alloc(32, 2) };
    respond = (nonce) => ({ body: verification({ ...emulated, keys, nonce }).attestation });
    const { status, stdout } = await verify(...emulatedRoot, "--json");
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ verified: false, code: "TLS_KEY_MISMATCH" });
  });

  test("takes collateral from a file where the answer has none", async () => {
    write("collateral.json", JSON.stringify(emulated.platform.collateral));
    respond = (nonce) => {
      const { evidence, runtime_data } = verification({ ...emulated, nonce }).attestation;
      return { body: { evidence, runtime_data } };
    };
    expect((await verify(...emulatedRoot)).stdout).toContain("refused: COLLATERAL_MISSING");
    const { status } = await verify(...emulatedRoot, "--collateral", "collateral.json");
    expect(status).toBe(0);
  });

  test("ends with 69 where there is no attestation, or no server", async () => {
    respond = () => ({
      status: 503,
      body: { code: "EVIDENCE_UNAVAILABLE", detail: "this is no TEE" },
    });
    const refused = await verify(...emulatedRoot);
    expect([refused.status, refused.stderr]).toEqual([
      69,
      `confml: error: ${url} gives no attestation: EVIDENCE_UNAVAILABLE: this is no TEE\n`,
    ]);
    const nowhere = ["verify", "https://127.0.0.1:1", "--policy", "policy.json"];
    const gone = await runConfml(nowhere, { folder });
    expect([gone.status, gone.stderr]).toEqual([
      69,
      expect.stringContaining("no answer from https://127.0.0.1:1"),
    ]);
  });

  test("refuses http:// unless --no-tls says that it does not matter", async () => {
    const args = ["verify", "http://127.0.0.1:1", "--policy", "policy.json"];
    const { status, stderr } = await runConfml(args, { folder });
    expect(status).toBe(64);
    expect(stderr).toContain("--no-tls");
    expect((await runConfml([...args, "--no-tls"], { folder })).status).toBe(69);
  });

  test("refuses a policy that accepts anyone's code, before it asks", async () => {
    write("weak.json", '{"version":"1.0.0","anyOf":[{"allOf":[{"claim":"a","exists":true}]}]}');
    const { status, stderr } = await runConfml(["verify", url, "--policy", "weak.json"], {
      folder,
    });
    expect([status, stderr]).toEqual([1, expect.stringContaining("require a measurement")]);
  });
});

describe("confml receipt verify", () => {
  const answer = { predictions: [{ rank: 1, index: 0, label: "cat" }], model: "a" };

  async function prepare(): Promise<void> {
    expect((await verify(...emulatedRoot, "--save", "saved.json", "--force")).status).toBe(0);
    write("picture.jpg", "picture");
    const claims = {
      request: createHash("sha256").update("picture").digest("hex"),
      answer: await answerDigest(Buffer.from(JSON.stringify(answer))),
      ...{ model, config, measurement: measurements.mrenclave, iat: 1_790_000_000 },
    };
    const kid = await thumbprint(publicJwk(emulated.keys.signing));
    const receipt = await new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ alg: "ES256", kid, typ: "confml-receipt+jwt" })
      .sign(emulated.keys.signing);
    write("receipt.jws", `${receipt}\n`);
    write("answer.json", JSON.stringify({ ...answer, receipt }, null, 2));
  }

  const files = ["--attestation", "saved.json", "--request", "picture.jpg", "--answer"];
  function check(receipt: string, ...args: string[]): Promise<EndedCommand> {
    return runConfml(["receipt", "verify", receipt, ...files, ...args], { folder });
  }

  test("accepts the receipt, with or without a policy, and says whose code answered", async () => {
    await prepare();
    const { status, stdout } = await check("receipt.jws", "answer.json", ...emulatedRoot);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^met {6}request +"[0-9a-f]{64}"$/mu);
    expect(stdout).toContain("2026-09-21T14:13:20.000Z, by the clock of the server's host");
    expect(stdout).toContain("The code was compared with no policy");
    const policy = ["--policy", "policy.json", ...emulatedRoot];
    const judged = await check("receipt.jws", "answer.json", ...policy);
    expect([judged.status, judged.stdout]).toEqual([
      0,
      expect.not.stringContaining("compared with no policy"),
    ]);
  });

  test("refuses another picture, another answer, and other keys", async () => {
    await prepare();
    write("picture.jpg", "another");
    const picture = await check("receipt.jws", "answer.json", ...emulatedRoot);
    expect([picture.status, picture.stdout]).toEqual([
      1,
      expect.stringMatching(/^REFUSED {2}request[^]*refused: RECEIPT_MISMATCH/mu),
    ]);
    write("picture.jpg", "picture");
    write("answer.json", JSON.stringify({ ...answer, model: "b" }));
    expect((await check("receipt.jws", "answer.json", ...emulatedRoot)).status).toBe(1);
    const [header, payload] = readFileSync(join(folder, "receipt.jws"), "utf8").split(".");
    write("receipt.jws", `${header}.${payload}.${"A".repeat(86)}`);
    const forged = await check("receipt.jws", "answer.json", ...emulatedRoot);
    expect([forged.status, forged.stdout]).toEqual([
      1,
      expect.stringContaining("refused: RECEIPT_INVALID"),
    ]);
  });
});
