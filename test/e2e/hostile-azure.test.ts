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
/** The hostile owner's secrets, each fetched on a clock of its own. */
const secretCount = 5;
const growthBytes = 128 * 1024 * 1024;

/** Who answers for the hostile owner, and which requests count. */
const places: Partial<Record<ServiceName, (path: string, isAuthorized: boolean) => boolean>> = {
  azureAd: (path) => path.endsWith("/token"),
  otherAttestation: () => true,
  otherManagedHsm: (_path, isAuthorized) => isAuthorized,
};

/** Every so many of the answers are given, the places in turn; without one left, a place is honest. */
class Malice {
  readonly #left: number[][] = [[], [], []];
  isOn = false;
  tenantId = "";

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

test("an owner whose vault, attestation service and tenant are hostile in every answer harms nobody else", async () => {
  const malice = new Malice();
  scene = await setScene({ interceptors: malice.interceptors() });
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
  malice.tenantId = emulator.otherTenant.tenantId;
  emulator.otherTenant.server.clientSecret = environment["CLIENT_SECRET"] = clientSecret;

  // At boot: the first answers of each place, and some owners' keys are missing.
  malice.arm(23);
  malice.isOn = true;
  server = await startServer(await scene.launch());
  const { pid, port, output } = server;
  const ask = async (): Promise<string> => {
    const jwe = await sealJwe(sealKey, picture, { kid: "SealKey" });
    const { status } = await upload(port, "picture.png.jwe", Buffer.from(jwe));
    return String(status);
  };
  expect(await ask()).toBe("200");
  const before = await peakBytes(pid, "VmRSS");

  malice.arm(5);
  const statuses = new Map<string, number>();
  while (malice.count > 0) {
    const { count } = malice;
    await eventually(() => malice.count < count);
    const status = await ask();
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  expect([...statuses.keys()]).toEqual(["200"]);
  expect((await peakBytes(pid, "VmHWM")) - before).toBeLessThan(growthBytes);

  // And all is well once it answers as it should.
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
