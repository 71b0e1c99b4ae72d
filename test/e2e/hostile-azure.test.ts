import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterEach, expect, test } from "@jest/globals";
import axios from "axios";
import type { RequestHandler } from "express";
import type { ServiceName } from "../../emulator/hosts.js";
import { importKey, releasePolicy } from "../../scripts/demo/owners.js";
import { sealJwe } from "../../src/crypto/jwe.js";
import { eventually } from "../helpers/eventually.js";
import { hostileAnswers } from "../helpers/hostile-answers.js";
import { flat } from "../helpers/pictures.js";
import { otherAuthority, setScene, type Scene } from "../helpers/scene.js";
import { expectNoPieces } from "../helpers/secret-pieces.js";
import { startServer, type ServerProcess } from "../helpers/server-process.js";
import { upload } from "../helpers/upload.js";

let scene: Scene | undefined;
let server: ServerProcess | undefined;

afterEach(async () => {
  await server?.stop();
  await scene?.close();
  server = undefined;
  scene = undefined;
});

const clientSecret = randomBytes(24).toString("base64url");
const answers = hostileAnswers(clientSecret);
const picture = await flat("green").png().toBuffer();
/** The number of the hostile owner's secrets; each is refreshed on its own schedule. */
const secretCount = 5;
const growthBytes = 128 * 1024 * 1024;

/** The services that answer the hostile owner's requests, and which requests get a hostile answer. */
const places: Partial<Record<ServiceName, (path: string, isAuthorized: boolean) => boolean>> = {
  azureAd: (path) => path.endsWith("/token"),
  otherAttestation: () => true,
  otherManagedHsm: (_path, isAuthorized) => isAuthorized,
};

/** Distributes the hostile answers over the services. A service without any left answers as the emulator does. */
class HostileServices {
  readonly #left: number[][] = [[], [], []];
  isOn = false;
  tenantId = "";

  /** Adds every `step`-th answer, to the services in turn. */
  arm(step: number): void {
    for (let index = 0; index < answers.length; index += step) {
      this.#left[(index / step) % this.#left.length]?.push(index);
    }
  }

  interceptors(): Record<string, RequestHandler> {
    return Object.fromEntries(
      Object.entries(places).map(([place, isMeant], turn) => {
        const handler: RequestHandler = (request, response, next) => {
          const { path, headers } = request;
          const isOwners = place !== "azureAd" || path.includes(this.tenantId);
          const isHere = isMeant(path, headers.authorization !== undefined) && isOwners;
          const index = this.isOn && isHere ? this.#left[turn]?.shift() : undefined;
          const answer = index === undefined ? undefined : answers[index]?.[1];
          if (answer === undefined) next();
          else void answer(request, response, next);
        };
        return [place, handler];
      }),
    );
  }

  get count(): number {
    return this.#left.flat().length;
  }
}

async function peakBytes(pid: number, name: "VmRSS" | "VmHWM"): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "mu").exec(status)?.[1]) * 1024;
}

test("hostile answers of one owner's vault, attestation service and tenant do not affect other owners", async () => {
  const hostile = new HostileServices();
  scene = await setScene({ interceptors: hostile.interceptors() });
  const { emulator, inference, secrets, environment, sealKey } = scene;
  await scene.importKeys();
  const { vault } = await scene.addOtherOwner();
  const entry = secrets.at(-1);
  if (entry === undefined) throw new Error("no other owner");
  secrets.pop();
  const names = Array.from({ length: secretCount }, (_, index) => `OtherKey${index}`);
  for (const ID of names) {
    await importKey(vault, ID, randomBytes(32), releasePolicy(otherAuthority, scene.measurement));
    secrets.push({ ...entry, ID, LocalPath: `${scene.keysFolder}/${ID}.key` });
  }
  Object.assign(inference["Images"] ?? {}, { Keys: ["SealKey", ...names] });
  inference["Release"] = { RefreshMs: 200, DeadlineMs: 20_000, AttemptTimeoutMs: 1000 };
  inference["Metrics"] = { Host: "127.0.0.1", Port: 0 };
  hostile.tenantId = emulator.otherTenant.tenantId;
  emulator.otherTenant.server.clientSecret = environment["CLIENT_SECRET"] = clientSecret;

  // During boot each service gives its first hostile answers, so that some keys are missing.
  hostile.arm(23);
  hostile.isOn = true;
  server = await startServer(await scene.launch());
  const { pid, port, output } = server;
  const ask = async (): Promise<string> => {
    const jwe = await sealJwe(sealKey, picture, { kid: "SealKey" });
    const { status } = await upload(port, "picture.png.jwe", Buffer.from(jwe));
    return String(status);
  };
  expect(await ask()).toBe("200");
  const before = await peakBytes(pid, "VmRSS");

  hostile.arm(5);
  const statuses = new Map<string, number>();
  while (hostile.count > 0) {
    const { count } = hostile;
    await eventually(() => hostile.count < count);
    const status = await ask();
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  expect([...statuses.keys()]).toEqual(["200"]);
  expect((await peakBytes(pid, "VmHWM")) - before).toBeLessThan(growthBytes);

  const failures = /"secret":"OtherKey\d+"[^\n]*"msg":"key not released"/gu;
  const failed = output().match(failures)?.length ?? 0;
  expect(failed).toBeGreaterThan(15);
  const { data } = await axios.get<string>(
    `http://127.0.0.1:${/"metricsPort":(\d+)/u.exec(output())?.[1] ?? ""}/metrics`,
    { responseType: "text", proxy: false },
  );
  const counted = [
    ...data.matchAll(/refreshes_total\{secret="OtherKey\d+",outcome="failed"\} (\d+)/gu),
  ];
  expect(counted.reduce((sum, [, count]) => sum + Number(count), 0)).toBeGreaterThan(15);
  for (const line of output().split("\n")) expect(line.length).toBeLessThan(2000);
  expectNoPieces(output(), clientSecret);
  expect(output()).not.toMatch(/eyJ[\w-]{20,}/u);
}, 90_000);
