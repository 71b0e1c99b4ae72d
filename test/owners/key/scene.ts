import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "@jest/globals";
import type { RequestHandler } from "express";
import type { Emulator } from "../../../emulator/server.js";
import { attestationUrl, mrenclave, vaultUrl } from "../../helpers/azure-clients.js";
import { setReleaseScene, type ReleaseScene } from "../../helpers/release-client.js";
import { runConfml, type EndedCommand } from "../confml-process.js";

/** The options of a policy for the code that `scene.release` proves itself to be. */
export const exact = ["--authority", attestationUrl, "--mrenclave", mrenclave];

/** An owner's folder before an emulated vault. */
export interface KeyScene {
  folder: string;
  emulator: Emulator;
  /** A server before the same vault, whose code is debuggable. */
  server: Pick<ReleaseScene, "client" | "context">;
  /** How the services' answers go wrong from now on. */
  misbehave: Partial<Record<"managedHsm" | "models", RequestHandler>>;
  /** Keys that are in no file of the folder, and must not be seen either. */
  otherKeys: Buffer[];
  /** The emulator's address and CA, as options. */
  standIn: readonly string[];
  login: Record<string, string>;
  confml: (args: readonly string[], login?: Record<string, string>) => Promise<EndedCommand>;
  /** `confml key`, with all that it needs to reach the emulated vault. */
  key: (args: readonly string[], login?: Record<string, string>) => Promise<EndedCommand>;
  /** That nothing printed since the last time holds a key or the owner's secret. */
  expectNoSecrets: () => Promise<void>;
  close: () => Promise<void>;
}

export async function setKeyScene(): Promise<KeyScene> {
  const folder = await mkdtemp(join(tmpdir(), "confml-key-"));
  const via =
    (service: keyof KeyScene["misbehave"]): RequestHandler =>
    (request, response, next) => {
      const handler = scene.misbehave[service];
      if (handler === undefined) next();
      else void handler(request, response, next);
    };
  const { emulator, client, context, close } = await setReleaseScene({
    managedHsm: via("managedHsm"),
    models: via("models"),
  });
  await writeFile(join(folder, "ca.pem"), emulator.caPem);
  const { tenantId, owners } = emulator.tenant;
  let printed = "";

  const scene: KeyScene = {
    folder,
    emulator,
    server: { client, context },
    misbehave: {},
    otherKeys: [],
    standIn: ["--ca-file", "ca.pem", "--connect", `127.0.0.1:${emulator.port}`],
    login: {
      AZURE_TENANT_ID: tenantId,
      AZURE_CLIENT_ID: owners.clientId,
      AZURE_CLIENT_SECRET: owners.clientSecret,
    },
    confml: async (args, login = scene.login) => {
      const ended = await runConfml(args, { folder, environment: login });
      printed += ended.stdout + ended.stderr;
      return ended;
    },
    key: (args, login) =>
      scene.confml(["key", ...args, "--vault", vaultUrl, ...scene.standIn], login),
    expectNoSecrets: async () => {
      const files = (await readdir(folder)).filter((name) => name.endsWith(".key"));
      const keys = await Promise.all(files.map((name) => readFile(join(folder, name))));
      const secrets = [...keys, ...scene.otherKeys].flatMap((bytes) => [
        bytes.toString("hex"),
        bytes.toString("base64").replace(/=+$/u, ""),
        bytes.toString("base64url"),
        bytes.toString("latin1"),
      ]);
      const found = [...secrets, owners.clientSecret].filter((text) => printed.includes(text));
      printed = "";
      expect(found).toEqual([]);
    },
    close: async () => {
      await close();
      await rm(folder, { recursive: true });
    },
  };
  return scene;
}

export function kidIn({ stdout }: EndedCommand): string {
  return /^kid: (.+)$/mu.exec(stdout)?.[1] ?? "";
}

/** One line that says what, hints that say what to do, and no trace of how the program is made. */
export function expectClearFailure(
  { status, stdout, stderr }: EndedCommand,
  message: string,
  hint: string,
): void {
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr.match(/^confml: error: /gmu)).toHaveLength(1);
  expect(stderr).toMatch(/^(?:confml: (?:error|hint|warning): .+\n)+$/u);
  expect(stderr).toContain(message);
  expect(stderr).toContain(hint);
  expect(stderr).not.toMatch(/\bat \S+ \(|node:internal|node_modules|undefined/u);
}
