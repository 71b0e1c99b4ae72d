import { createCipheriv, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import axios from "axios";
import { z } from "zod";
import { importKey, releasePolicy, type Vault } from "../../scripts/demo/owners.js";
import { openJwe, sealJwe } from "../../src/crypto/jwe.js";
import { runConfml } from "../owners/confml-process.js";
import { colours, flat } from "../helpers/pictures.js";
import { authority, otherAuthority, setScene, type Scene } from "../helpers/scene.js";
import { startServer, type ServerProcess } from "../helpers/server-process.js";
import { upload } from "../helpers/upload.js";

let scene: Scene;
let server: ServerProcess | undefined;

beforeEach(async () => {
  scene = await setScene();
  await scene.importKeys();
});

afterEach(async () => {
  await server?.stop();
  server = undefined;
  await scene.close();
});

type Colour = keyof typeof colours;
const names: Colour[] = ["red", "green", "blue"];
const pictures = new Map(
  await Promise.all(
    names.map(async (name) => [name, await flat(name, 40, 40).png().toBuffer()] as const),
  ),
);

interface Owner {
  id: string;
  vault: Vault;
  authority: string;
  /** The valid keys, the newest last. */
  keys: Buffer[];
}

/** The secret of `.encrypted` uploads; all others are for JWE. */
const legacyId = "ImageKey";

interface Sent {
  colour: Colour;
  key: Buffer;
  body: Buffer;
  name: string;
}

async function prepare(owner: Owner, count: number): Promise<Sent> {
  const colour = names[count % names.length] ?? "red";
  const picture = pictures.get(colour) ?? Buffer.alloc(0);
  // Mostly the newest key; some clients still use an older one.
  const key =
    owner.keys[owner.keys.length - 1 - (count % 5 === 0 && owner.keys.length > 1 ? 1 : 0)];
  if (key === undefined) throw new Error("the owner has no key");
  if (owner.id === legacyId) {
    const cipher = createCipheriv("aes-256-cbc", key, Buffer.alloc(16));
    const body = Buffer.concat([cipher.update(picture), cipher.final()]);
    return { colour, key, body, name: "picture.png.encrypted" };
  }
  const body = Buffer.from(await sealJwe(key, picture, { kid: owner.id }));
  return { colour, key, body, name: "picture.png.jwe" };
}

/**
 * Uploads a picture and reads the answer: of a JWE with the key of the upload, of a `.encrypted` upload as plain text.
 *
 * @returns "right", or what was wrong
 */
async function ask(port: number, { colour, key, body, name }: Sent): Promise<string> {
  const isJwe = name.endsWith(".jwe");
  const accept = isJwe ? "application/jose" : "application/json";
  const { status, text } = await upload(port, name, body, { accept });
  // Every answer has another identifier.
  if (status !== 200) return `${status} ${text.replace(/"request_id":"[0-9a-f]{32}"/u, "")}`;
  const opened = isJwe ? await openJwe(Buffer.from(text), key) : Buffer.from(text);
  if (opened === undefined) return "an answer under another key";
  const answer = new TextDecoder().decode(opened);
  return answer.includes(`"rank":1,"index":${names.indexOf(colour)},"label":"${colour}"`)
    ? "right"
    : `another answer: ${answer.trimEnd()}`;
}

async function rotate(owner: Owner): Promise<Buffer> {
  const key = randomBytes(32);
  await importKey(owner.vault, owner.id, key, releasePolicy(owner.authority, scene.measurement));
  return key;
}

describe("rotation under load", () => {
  test("loses no request and answers none under a wrong key: 2,000 requests during three rotations of three secrets", async () => {
    const other = await scene.addOtherOwner();
    const owners: Owner[] = [
      { id: legacyId, vault: scene.vault, authority, keys: [scene.imageKey] },
      { id: "SealKey", vault: scene.vault, authority, keys: [scene.sealKey] },
      { id: "OtherKey", vault: other.vault, authority: otherAuthority, keys: [other.key] },
    ];
    scene.inference["Release"] = { RefreshMs: 150 };
    server = await startServer(await scene.launch());
    const { port, printed } = server;

    const atLeast = 2000;
    const progress = { rotated: false };
    const outcomes = new Map<string, number>();
    let sent = 0;
    const client = async (): Promise<void> => {
      while (sent < atLeast || !progress.rotated) {
        const count = sent;
        sent += 1;
        const owner = owners[count % owners.length];
        if (owner === undefined) throw new Error("no owner");
        const outcome = await ask(port, await prepare(owner, Math.floor(count / owners.length)));
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    };
    const rotations = async (): Promise<void> => {
      for (let rotation = 1; rotation <= 3; rotation += 1) {
        for (const owner of owners) {
          const key = await rotate(owner);
          const rotated = new RegExp(`"secret":"${owner.id}","outcome":"rotated"`, "u");
          await printed(rotated, rotation);
          // Clients use a new key as soon as the server has it.
          owner.keys.push(key);
        }
      }
    };
    const load = Promise.all(Array.from({ length: 12 }, client));
    await rotations().finally(() => {
      progress.rotated = true;
    });
    await load;

    expect(Object.fromEntries(outcomes)).toEqual({ right: sent });
    for (const { keys } of owners) expect(keys.length).toBe(4);
  });
});

describe("a vault that fails while the server runs", () => {
  test("leaves the old key in use; log, metrics and health check report the failure until the vault works again", async () => {
    scene.inference["Release"] = { RefreshMs: 100 };
    scene.inference["Metrics"] = { Host: "127.0.0.1", Port: 0 };
    server = await startServer(await scene.launch());
    const { port, printed, output } = server;
    const metricsPort = Number(/"metricsPort":(\d+)/u.exec(output())?.[1]);
    const read = async (url: string): Promise<string> =>
      (await axios.get<string>(url, { responseType: "text", proxy: false })).data;
    const health = (): Promise<string> => read(`http://127.0.0.1:${port}/v2/health/ready`);
    const metrics = (): Promise<string> => read(`http://127.0.0.1:${metricsPort}/metrics`);
    const owner: Owner = { id: "ImageKey", vault: scene.vault, authority, keys: [scene.imageKey] };

    const strict = releasePolicy(authority, "00".repeat(32));
    await importKey(scene.vault, "ImageKey", randomBytes(32), strict);
    await printed(
      /"secret":"ImageKey"[^\n]*"code":"RELEASE_REFUSED"[^\n]*"msg":"key not released"/u,
    );
    expect(JSON.parse(await health())).toEqual({
      ready: true,
      degraded: true,
      keys: { total: 2, current: 1, stale: 1, missing: 0 },
    });
    expect(await metrics()).toMatch(/confml_image_key\{secret="ImageKey",state="stale"\} 1\n/u);
    expect(await metrics()).toMatch(
      /confml_key_refreshes_total\{secret="ImageKey",outcome="failed"\} [1-9]/u,
    );
    expect(await ask(port, await prepare(owner, 1))).toBe("right");

    owner.keys.push(await rotate(owner));
    await printed(/"secret":"ImageKey","outcome":"rotated"/u);
    expect(JSON.parse(await health())).toMatchObject({ degraded: false, keys: { current: 2 } });
    expect(await metrics()).toMatch(/confml_image_key\{secret="ImageKey",state="current"\} 1\n/u);
    expect(await ask(port, await prepare(owner, 1))).toBe("right");
    expect(await ask(port, await prepare({ ...owner, keys: [scene.imageKey] }, 1))).toBe("right");
  });
});

describe("a rotation to a key that is, or was, another secret's", () => {
  test("is refused, reported as stale and counted; the former key stays in use and in its file", async () => {
    scene.inference["Release"] = { RefreshMs: 100 };
    scene.inference["Metrics"] = { Host: "127.0.0.1", Port: 0 };
    server = await startServer(await scene.launch());
    const { port, printed, output } = server;
    const metricsPort = Number(/"metricsPort":(\d+)/u.exec(output())?.[1]);
    const seal: Owner = { id: "SealKey", vault: scene.vault, authority, keys: [scene.sealKey] };
    const legacy: Owner = { ...seal, id: legacyId, keys: [scene.imageKey] };

    // The key of .encrypted uploads is replaced, and its former value becomes the JWE secret's.
    legacy.keys.push(await rotate(legacy));
    await printed(new RegExp(`"secret":"${legacyId}","outcome":"rotated"`, "u"));
    for (const bytes of [...legacy.keys, scene.modelKey]) {
      const policy = releasePolicy(authority, scene.measurement);
      await importKey(scene.vault, "SealKey", bytes, policy);
      const refused = /"secret":"SealKey"[^\n]*"code":"KEY_REUSED"[^\n]*"msg":"key not released"/u;
      const before = [...output().matchAll(new RegExp(refused, "gu"))].length;
      await printed(refused, before + 1);
      expect(await ask(port, await prepare({ ...seal, keys: [bytes] }, 1))).toMatch(/^422 /u);
      expect(await ask(port, await prepare(seal, 1))).toBe("right");
    }
    expect(await readFile(join(scene.keysFolder, "seal.key"))).toEqual(scene.sealKey);
    const { data } = await axios.get<string>(`http://127.0.0.1:${metricsPort}/metrics`, {
      responseType: "text",
      proxy: false,
    });
    expect(data).toMatch(/confml_image_key\{secret="SealKey",state="stale"\} 1\n/u);
    expect(data).toMatch(/confml_key_refreshes_total\{secret="SealKey",outcome="failed"\} [1-9]/u);
    for (const key of legacy.keys) expect(output()).not.toContain(key.toString("hex"));
  });
});

describe("several data owners", () => {
  test("are served with their own keys, from their own vaults, tenants and attestation services", async () => {
    const other = await scene.addOtherOwner();
    server = await startServer(await scene.launch());
    const { port } = server;
    const first: Owner = { id: "SealKey", vault: scene.vault, authority, keys: [scene.sealKey] };
    const second: Owner = { id: "OtherKey", vault: other.vault, authority, keys: [other.key] };
    expect(await ask(port, await prepare(first, 1))).toBe("right");
    expect(await ask(port, await prepare(second, 1))).toBe("right");
    const swapped = [
      { ...first, keys: second.keys },
      { ...second, keys: first.keys },
      { ...second, id: "ModelKey", keys: [scene.modelKey] },
      { ...first, keys: [scene.imageKey] },
      { ...second, id: legacyId, keys: [scene.sealKey] },
      { ...second, id: "Nobody" },
    ];
    const refusals = new Set<string>();
    for (const owner of swapped) refusals.add(await ask(port, await prepare(owner, 1)));
    expect([...refusals]).toEqual([expect.stringMatching(/^422 .*ENCRYPTED_IMAGE_REJECTED/u)]);
    const services = scene.emulator.requests.map(({ service, path }) => `${service} ${path}`);
    expect(services).toContain("otherAttestation /attest/SgxEnclave");
    expect(services).toContainEqual(
      expect.stringMatching(/^otherManagedHsm \/keys\/OtherKey\/.*release$/u),
    );
  });

  test("are served except one whose policy refuses; the log names that one, and the public health check does not", async () => {
    const strict = releasePolicy(otherAuthority, "00".repeat(32));
    await scene.addOtherOwner(strict);
    server = await startServer(await scene.launch());
    const { port, output } = server;
    const first: Owner = { id: "SealKey", vault: scene.vault, authority, keys: [scene.sealKey] };
    expect(await ask(port, await prepare(first, 1))).toBe("right");
    expect(output()).toMatch(/"secret":"OtherKey"[^\n]*"code":"RELEASE_REFUSED"/u);
    // With the policy, the claims in that line explain the refusal.
    const line = output()
      .split("\n")
      .find((one) => one.includes('"secret":"OtherKey"'));
    const { claims } = z
      .object({ claims: z.record(z.string(), z.unknown()) })
      .parse(JSON.parse(line ?? ""));
    expect(claims).toMatchObject({ iss: otherAuthority, "x-ms-sgx-mrenclave": scene.measurement });
    await writeFile(join(scene.folder, "claims.json"), JSON.stringify(claims));
    await writeFile(join(scene.folder, "policy.json"), JSON.stringify(strict));
    const { folder } = scene;
    const tested = await runConfml(["policy", "test", "claims.json", "policy.json"], { folder });
    expect(tested.status).toBe(1);
    expect(tested.stdout).toMatch(
      new RegExp(`x-ms-sgx-mrenclave: wanted "0{64}", got "${scene.measurement}"`, "u"),
    );
    const refused = await ask(port, await prepare({ ...first, id: "OtherKey" }, 1));
    const unknown = await ask(port, await prepare({ ...first, id: "Nobody" }, 1));
    expect(refused).toBe(unknown);
  });
});
