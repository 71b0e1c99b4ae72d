import { randomBytes } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { RequestHandler } from "express";
import type { ServiceName } from "../../emulator/hosts.js";
import { importKey, releasePolicy } from "../../scripts/demo/owners.js";
import { sealJwe } from "../../src/crypto/jwe.js";
import { expectFailedBoot } from "../helpers/failed-boot.js";
import { flat } from "../helpers/pictures.js";
import { authority, setScene, type Scene } from "../helpers/scene.js";
import {
  projectFolder,
  runServerToItsEnd,
  startServer,
  type LaunchOptions,
  type ServerProcess,
} from "../helpers/server-process.js";
import { upload } from "../helpers/upload.js";

const dayMs = 86_400_000;
const allJumps = ["a day on", "a day back", "to 1970", "to 2100"] as const;
type Jump = (typeof allJumps)[number];
/** Milliseconds from now until a date. */
const jumps: Record<Jump, number> = {
  "a day on": dayMs,
  "a day back": -dayMs,
  "to 1970": -Date.now(),
  "to 2100": Date.UTC(2100, 0) - Date.now(),
};
/** The emulator's certificates are valid for a week from now. */
const isTrusted = (jump: Jump): boolean => jump === "a day on";

const preload = join(projectFolder, "test/fixtures/platform/shifted-clock.mjs");
const picture = await flat("green").png().toBuffer();

let scene: Scene;
let server: ServerProcess | undefined;

afterEach(async () => {
  await server?.stop();
  server = undefined;
  await scene.close();
});

const clockFile = (): string => join(scene.folder, "clock");

/** Sets the offset of the server's wall clock from the system's. Its monotonic clock is the system's. */
function setClock(offsetMs: number): void {
  const next = `${clockFile()}.next`;
  writeFileSync(next, String(offsetMs));
  renameSync(next, clockFile());
}

async function launch(): Promise<LaunchOptions> {
  const { configFile, environment } = await scene.launch();
  const clock = { NODE_OPTIONS: `--import=${preload}`, CLOCK_FILE: clockFile() };
  return { configFile, environment: { ...environment, ...clock } };
}

/** Boots a server. It serves, or ends because the vault's certificate or token is not valid at that time. */
async function expectBoot(isServing: boolean): Promise<void> {
  if (isServing) {
    server = await startServer(await launch());
    expect((await upload(server.port, "picture.png", picture)).status).toBe(200);
    return;
  }
  await expectFailedBoot(await runServerToItsEnd(await launch()), scene, {
    code: "RELEASE_INVALID",
    exitCode: 77,
    says: /certificate/u,
  });
}

describe("a boot", () => {
  test.each(allJumps)("whose clock is off from its start: %s", async (jump) => {
    scene = await setScene();
    await scene.importKeys();
    setClock(jumps[jump]);
    await expectBoot(isTrusted(jump));
  });

  test.each<[ServiceName, Jump]>([
    ["attestation", "to 2100"],
    ["managedHsm", "to 1970"],
    ["managedHsm", "a day on"],
    ["models", "a day back"],
    ["models", "to 2100"],
  ])("whose clock jumps while it asks %s: %s", async (service, jump) => {
    const jumping: RequestHandler = (_request, _response, next) => {
      setClock(jumps[jump]);
      next();
    };
    const isBooting = { on: false };
    scene = await setScene({
      interceptors: { [service]: whenOn(isBooting, jumping) },
    });
    await scene.importKeys();
    setClock(0);
    isBooting.on = true;
    // After the keys are released, the wall clock is not used.
    await expectBoot(isTrusted(jump) || service === "models");
  });

  test("whose attestation token has expired ends with an error that names the reason", async () => {
    scene = await setScene({ attestationTokenLifetimeSeconds: -60 });
    await scene.importKeys();
    setClock(0);
    await expectFailedBoot(await runServerToItsEnd(await launch()), scene, {
      code: "RELEASE_REFUSED",
      exitCode: 77,
      says: /attestation token/u,
    });
  });

  test("whose access token has expired by its own clock still sends it, and the vault decides", async () => {
    scene = await setScene({
      interceptors: {
        azureAd: (_request, response, next) => {
          const json = response.json.bind(response);
          response.json = (body: object) =>
            json("expires_in" in body ? { ...body, expires_in: 1, ext_expires_in: 1 } : body);
          next();
        },
        managedHsm: (_request, _response, next) => {
          setClock(dayMs);
          next();
        },
      },
    });
    await scene.importKeys();
    setClock(0);
    await expectBoot(true);
  });
});

describe("while it serves", () => {
  beforeEach(async () => {
    scene = await setScene();
    await scene.importKeys();
    setClock(0);
  });

  const ask = async (key: Buffer): Promise<number> => {
    const jwe = Buffer.from(await sealJwe(key, picture, { kid: "SealKey" }));
    const accept = "application/jose";
    return (await upload(server?.port ?? 0, "picture.png.jwe", jwe, { accept })).status;
  };
  const rotate = async (): Promise<Buffer> => {
    const key = randomBytes(32);
    await importKey(scene.vault, "SealKey", key, releasePolicy(authority, scene.measurement));
    return key;
  };

  test("clock jumps do not affect answers, and a key whose check fails is fetched once the clock is right again", async () => {
    scene.inference["Release"] = { RefreshMs: 100 };
    server = await startServer(await launch());
    let key = scene.sealKey;
    let [rotations, refusals] = [0, 0];
    for (const jump of allJumps) {
      setClock(jumps[jump]);
      const next = await rotate();
      if (!isTrusted(jump)) {
        refusals += 1;
        const refused =
          /"secret":"SealKey"[^\n]*"code":"RELEASE_INVALID"[^\n]*"msg":"key not released"/u;
        await server.printed(refused, refusals);
        expect([await ask(key), await ask(next)]).toEqual([200, 422]);
        const { status } = await upload(server.port, "picture.png", picture);
        expect([jump, status]).toEqual([jump, 200]);
        setClock(0);
      }
      rotations += 1;
      await server.printed(/"secret":"SealKey","outcome":"rotated"/u, rotations);
      expect(await ask(next)).toBe(200);
      refusals = server.output().match(/"secret":"SealKey"[^\n]*RELEASE_INVALID/gu)?.length ?? 0;
      key = next;
    }
  });

  test("the grace period of a former key is measured with the monotonic clock", async () => {
    const graceMs = 4000;
    scene.inference["Release"] = { RefreshMs: 100, GraceMs: graceMs };
    server = await startServer(await launch());
    const next = await rotate();
    const start = performance.now();
    await server.printed(/"secret":"SealKey","outcome":"rotated"/u);
    for (const jump of allJumps) {
      setClock(jumps[jump]);
      expect([jump, await ask(scene.sealKey), await ask(next)]).toEqual([jump, 200, 200]);
    }
    setClock(jumps["to 1970"]);
    let status = 200;
    while (status === 200) status = await ask(scene.sealKey);
    expect([status, await ask(next)]).toEqual([422, 200]);
    const tookMs = performance.now() - start;
    expect(tookMs).toBeGreaterThan(graceMs / 2);
    expect(tookMs).toBeLessThan(graceMs + 5000);
  });
});

function whenOn(state: { on: boolean }, handler: RequestHandler): RequestHandler {
  return (request, response, next) => {
    if (state.on) handler(request, response, next);
    else next();
  };
}
