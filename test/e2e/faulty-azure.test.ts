import { afterEach, describe, expect, test } from "@jest/globals";
import type { RequestHandler } from "express";
import type { ServiceName } from "../../emulator/hosts.js";
import { setScene, type Scene } from "../helpers/scene.js";
import { expectFailedBoot } from "../helpers/failed-boot.js";
import { runServerToItsEnd } from "../helpers/server-process.js";

let scene: Scene | undefined;

afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

const hang: RequestHandler = () => undefined;

const halfBody: RequestHandler = (_request, response) => {
  response.status(200).set({ "Content-Type": "application/json", "Content-Length": "400" });
  response.write('{"value":"eyJ', () => response.destroy());
};

/** A refusal that repeats everything that the request contained. */
const echo: RequestHandler = (request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = decodeURIComponent(Buffer.concat(chunks).toString("latin1"));
    const message = `you said: ${request.headers.authorization ?? ""} ${body}`;
    response
      .status(403)
      .json({ error: { code: "Forbidden", message }, error_description: message });
  });
};

const parties = [
  ["azureAd", "TOKEN_REFUSED", /Azure AD/u],
  ["attestation", "ATTESTATION_REFUSED", /attest/u],
  ["managedHsm", "RELEASE_REFUSED", /releasing/u],
] as const;

const deadlineMs = 2500;
/** The time for starting and ending a process on a machine that runs other tests at the same time. */
const processMs = 8000;

describe.each(parties)("a boot before %s", (party: ServiceName, refusal, who) => {
  test.each<[string, RequestHandler, string, number]>([
    ["that hangs", hang, "RELEASE_TIMEOUT", 75],
    ["that breaks off its answers", halfBody, "RELEASE_TIMEOUT", 75],
    ["that refuses and says back all that it was told", echo, refusal, 77],
  ])("%s ends in time with one clear line", async (_what, fault, code, exitCode) => {
    const faulty = { on: false };
    scene = await setScene({
      interceptors: {
        [party]: ((request, response, next) => {
          if (faulty.on && request.method === "POST") void fault(request, response, next);
          else next();
        }) satisfies RequestHandler,
      },
    });
    await scene.importKeys();
    faulty.on = true;
    if (code === "RELEASE_TIMEOUT")
      scene.inference["Release"] = { DeadlineMs: deadlineMs, AttemptTimeoutMs: 700 };
    const start = performance.now();
    const ended = await runServerToItsEnd(await scene.launch());

    expect(performance.now() - start).toBeLessThan(deadlineMs + processMs);
    await expectFailedBoot(ended, scene, { code, exitCode, says: who });
    if (exitCode === 75) {
      expect(ended.stdout).toMatch(/"attempt":1,"step":"[^"]+","reason":"[^"]+","delayMs":\d+/u);
    }
  });
});
