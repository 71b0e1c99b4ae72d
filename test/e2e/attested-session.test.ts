import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ConfmlClient, type Connection } from "../../client/confml-client.js";
import { pinTls } from "../../client/node/pinned-tls.js";
import { emulatedRoot } from "../helpers/attested-server.js";
import { flat } from "../helpers/pictures.js";
import { setScene, type Scene } from "../helpers/scene.js";
import { startServer, type ServerProcess } from "../helpers/server-process.js";
import { runConfml, type EndedCommand } from "../owners/confml-process.js";

let scene: Scene;
let server: ServerProcess;
let url: string;

const colours = ["red", "green", "blue"] as const;
const path = (name: string): string => join(scene.folder, name);
const write = (name: string, content: string | Uint8Array): void => {
  writeFileSync(path(name), content, { mode: 0o600 });
};

async function start(): Promise<void> {
  server = await startServer(await scene.launch());
  const port = Number(/"tlsPort":(\d+)/u.exec(server.output())?.[1]);
  url = `https://127.0.0.1:${port}`;
  // A restarted server listens on the same ports.
  scene.inference["Listen"] = { Host: "127.0.0.1", Port: server.port, TlsPort: port };
}

beforeAll(async () => {
  scene = await setScene();
  await scene.importKeys();
  scene.inference["Listen"] = { Host: "127.0.0.1", Port: 0, TlsPort: 0 };
  const images = scene.inference["Images"] as object;
  scene.inference["Images"] = { ...images, Formats: ["jwe", "attested"] };
  await start();
  write("root.pem", scene.emulator.sgxPlatform.rootPem);
  write("collateral.json", JSON.stringify(scene.emulator.sgxPlatform.collateral));
  write("policy.json", policyFor(scene.measurement));
  write("data.key", scene.sealKey);
  mkdirSync(path("holiday"));
  for (const colour of colours) {
    write(`holiday/${colour}.png`, await flat(colour).png().toBuffer());
  }
});

afterAll(async () => {
  await server.stop();
  await scene.close();
});

function policyFor(mrenclave: string): string {
  const measured = { claim: "x-ms-sgx-mrenclave", equals: mrenclave };
  const modelled = { claim: "model-sha256", equals: scene.inference.Model["Sha256"] };
  // Emulated evidence says that it is debuggable.
  const debuggable = { claim: "x-ms-sgx-is-debuggable", exists: true };
  return JSON.stringify({ version: "1.0.0", anyOf: [{ allOf: [measured, modelled, debuggable] }] });
}

const trust = ["--allow-emulated", "root.pem", "--collateral", "collateral.json"];
const policy = ["--policy", "policy.json", ...trust];

function confml(...args: string[]): Promise<EndedCommand> {
  return runConfml(args, { folder: scene.folder });
}

interface Line {
  file: string;
  predictions?: { label: string }[];
  receipt?: string;
  error?: unknown;
}

function readLines(stdout: string): Line[] {
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

const labelOf = ({ predictions }: Line): string | undefined => predictions?.[0]?.label;

describe("a session with the built server", () => {
  test("confml verify proves its code, its model, and that TLS ends in it", async () => {
    const { status, stdout, stderr } = await confml("verify", url, ...policy);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(new RegExp(`^met {6}x-ms-sgx-mrenclave +"${scene.measurement}"$`, "mu"));
    expect(stdout).toMatch(/^met {6}model-sha256 +"[0-9a-f]{64}"$/mu);
    expect(stdout).toContain("The TLS connection ends in the attested code.");
  });

  test("confml classify encrypts a folder of pictures to the attested key, and verifies receipts", async () => {
    const args = ["classify", url, ...policy, "--receipts", "--json", "--top", "1", "holiday"];
    const { status, stdout, stderr } = await confml(...args);
    expect([status, stderr]).toEqual([0, ""]);
    const lines = readLines(stdout);
    expect(lines.map(labelOf)).toEqual(["blue", "green", "red"]);
    expect(lines.every(({ receipt }) => receipt?.split(".").length === 3)).toBe(true);
  });

  test("confml classify with a shared key reaches the plain port, and draws bars", async () => {
    const key = ["--key", "data.key", "--kid", "SealKey"];
    const plain = `http://127.0.0.1:${server.port}`;
    const { status, stdout, stderr } = await confml("classify", plain, ...key, "holiday/red.png");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^holiday\/red\.png\n +\d+\.\d % {2}█+[▏▎▍▌▋▊▉]? * {2}red\n/u);
  });

  test("confml classify reports a file that is no picture, and does the others", async () => {
    write("notes.txt", "no picture");
    const args = ["classify", url, ...policy, "--json", "notes.txt", "holiday/red.png"];
    const { status, stdout, stderr } = await confml(...args);
    expect(status).toBe(1);
    expect(readLines(stdout).map((line) => [line.file, labelOf(line)])).toEqual([
      ["notes.txt", undefined],
      ["holiday/red.png", "red"],
    ]);
    expect(stderr).toMatch(/^confml: error: notes\.txt: ENCRYPTED_IMAGE_REJECTED: /u);
  });

  test("confml classify sends nothing to a server whose code the policy does not accept", async () => {
    write("other.json", policyFor("00".repeat(32)));
    const args = ["classify", url, "--policy", "other.json", ...trust, "holiday"];
    const before = server.output().split('"path":"/evaluate"').length;
    const { status, stderr } = await confml(...args);
    expect([status, stderr]).toEqual([1, expect.stringContaining("refused: MRENCLAVE_REFUSED")]);
    expect(server.output().split('"path":"/evaluate"')).toHaveLength(before);
  });

  test("confml classify answers each picture once, though the server dies twice and has new keys", async () => {
    mkdirSync(path("many"));
    for (let index = 0; index < 60; index += 1) {
      const colour = colours[index % 3] ?? "red";
      write(
        `many/${String(index).padStart(2, "0")}-${colour}.png`,
        await flat(colour).png().toBuffer(),
      );
    }
    const running = confml("classify", url, ...policy, "--json", "-j", "2", "many");
    for (const answered of [10, 20]) {
      await server.printed(/"route":"\/evaluate"/u, answered);
      process.kill(server.pid, "SIGKILL");
      await server.exited;
      await start();
    }
    const { status, stdout } = await running;
    expect(status).toBe(0);
    const files = readdirSync(path("many")).sort();
    const lines = readLines(stdout);
    expect(lines.map(({ file }) => file)).toEqual(files.map((name) => `many/${name}`));
    expect(lines.every((line) => line.file.includes(`-${labelOf(line) ?? "?"}.`))).toBe(true);
  });
});

describe("ConfmlClient", () => {
  const shared = () => ({ key: scene.sealKey, kid: "SealKey" });
  const plain = (): string => `http://127.0.0.1:${server.port}`;

  async function picture(colour: (typeof colours)[number]): Promise<Uint8Array> {
    return flat(colour).png().toBuffer();
  }

  test("verifies, encrypts, and returns the proof with the answer; pictures at once share one proof", async () => {
    let connections = 0;
    const client = new ConfmlClient(url, {
      policy: policyFor(scene.measurement),
      roots: [emulatedRoot(scene.emulator.sgxPlatform)],
      collateral: () => scene.emulator.sgxPlatform.collateral,
      connect: () => {
        connections += 1;
        return pinTls(url);
      },
    });
    const stages: string[] = [];
    const [red, green] = await Promise.all([
      client.classify(await picture("red"), { onProgress: (stage) => stages.push(stage) }),
      client.classify(await picture("green"), { top: 1 }),
    ]);
    expect([red.predictions[0]?.label, green.predictions]).toEqual([
      "red",
      [expect.objectContaining({ label: "green" })],
    ]);
    expect([red.proof?.tlsVerified, red.proof?.emulated, red.proof === green.proof]).toEqual([
      true,
      true,
      true,
    ]);
    expect(stages).toEqual(["verifying", "encrypting", "sending"]);
    expect(connections).toBe(1);
    client.close();
  });

  test("sends a picture over the connection that it verified, though it is closed meanwhile", async () => {
    let connections = 0;
    const client = new ConfmlClient(url, {
      policy: policyFor(scene.measurement),
      roots: [emulatedRoot(scene.emulator.sgxPlatform)],
      collateral: () => scene.emulator.sgxPlatform.collateral,
      connect: () => {
        connections += 1;
        return pinTls(url);
      },
    });
    const { predictions } = await client.classify(await picture("red"), {
      onProgress: (stage) => {
        if (stage === "encrypting") client.close();
      },
    });
    expect([predictions[0]?.label, connections]).toEqual(["red", 1]);
  });

  test("does not let one caller's signal end what others wait for", async () => {
    const client = new ConfmlClient(url, {
      policy: policyFor(scene.measurement),
      roots: [emulatedRoot(scene.emulator.sgxPlatform)],
      collateral: () => scene.emulator.sgxPlatform.collateral,
    });
    const controller = new AbortController();
    const [first, second] = [
      client.classify(await picture("red"), { signal: controller.signal }),
      client.classify(await picture("red")),
    ].map((result) => result.catch((error: unknown) => error));
    controller.abort();
    expect(await first).toMatchObject({ name: "AbortError" });
    // The global fetch does not trust the server's own certificate; it was not the signal that ended this.
    expect(await second).toMatchObject({ message: "fetch failed" });
  });

  test("refuses an old answer under the same key", async () => {
    const answers: Response[] = [];
    const recording: Connection["fetch"] = async (target, init) => {
      const response = await fetch(target, init);
      answers.push(response.clone());
      return response;
    };
    const first = await new ConfmlClient(plain(), { ...shared(), fetch: recording }).classify(
      await picture("red"),
    );
    expect(first.predictions[0]?.label).toBe("red");
    const replayed = answers[0] ?? new Response();
    const replaying = new ConfmlClient(plain(), {
      ...shared(),
      fetch: () => Promise.resolve(replayed),
    });
    await expect(replaying.classify(await picture("blue"))).rejects.toMatchObject({
      code: "ANSWER_REJECTED",
      message: expect.stringContaining("another one"),
    });
  });

  test.each([
    ["in the clear", "application/json", '{"predictions":[]}'],
    ["that is no JWE", "application/jose", "a.b.c.d.e"],
  ])("refuses an answer %s", async (_what, type, body) => {
    const lying = new ConfmlClient(plain(), {
      ...shared(),
      fetch: () => Promise.resolve(new Response(body, { headers: { "Content-Type": type } })),
    });
    await expect(lying.classify(await picture("red"))).rejects.toMatchObject({
      code: "ANSWER_REJECTED",
    });
  });

  test("waits as long as the server asks, then tries again, at most as often as it may", async () => {
    let attempts = 0;
    const busy: Connection["fetch"] = (target, init) => {
      attempts += 1;
      if (attempts > 2) return fetch(target, init);
      const problem = JSON.stringify({ code: "OVERLOADED", detail: "too many" });
      return Promise.resolve(
        new Response(problem, { status: 503, headers: { "Retry-After": "0" } }),
      );
    };
    const patient = new ConfmlClient(plain(), { ...shared(), fetch: busy });
    expect((await patient.classify(await picture("red"))).predictions[0]?.label).toBe("red");
    expect(attempts).toBe(3);
    attempts = 0;
    const impatient = new ConfmlClient(plain(), { ...shared(), fetch: busy, maxAttempts: 2 });
    await expect(impatient.classify(await picture("red"))).rejects.toMatchObject({
      ...{ name: "ServerError", code: "OVERLOADED", status: 503 },
    });
  });

  test("does not come to be without protection by mistake", () => {
    expect(() => new ConfmlClient("http://a")).toThrow("give a policy or a key");
    expect(() => new ConfmlClient("http://a", { key: scene.sealKey })).toThrow("key and kid");
    expect(() => new ConfmlClient("http://a", { key: new Uint8Array(16), kid: "a" })).toThrow(
      "32 bytes",
    );
    expect(() => new ConfmlClient("http://a", { ...shared(), plain: true })).toThrow("plain: true");
    expect(() => new ConfmlClient("http://a", { policy: "{}" })).toThrow("the policy");
  });
});
