import { readdir } from "node:fs/promises";
import { expect } from "@jest/globals";
import type { Scene } from "./scene.js";
import type { EndedProcess } from "./server-process.js";

/** How a failed boot must end. */
export interface ExpectedEnd {
  code: string;
  exitCode: number;
  /** A pattern for its error line. */
  says: RegExp;
}

/** Checks a failed boot: one error line, the exit code, no key file, no secret in any output, and no open port. */
export async function expectFailedBoot(
  { code: exitCode, stdout, stderr }: EndedProcess,
  scene: Scene,
  expected: ExpectedEnd,
): Promise<void> {
  expect(stderr).toMatch(/^confml: error: [^\n]+\n$/u);
  expect(stderr).toContain(`confml: error: ${expected.code}: `);
  expect(stderr).toMatch(expected.says);
  expect(exitCode).toBe(expected.exitCode);
  expect(stdout).not.toContain('"msg":"listening"');
  expect(await readdir(scene.keysFolder)).toEqual([]);
  expectNoSecrets(stdout + stderr, scene);
}

/** Fails if an output contains a key in one of several encodings, the client's secret or a token. */
export function expectNoSecrets(
  output: string,
  { modelKey, imageKey, sealKey, emulator, environment }: Scene,
): void {
  for (const key of [modelKey, imageKey, sealKey]) {
    for (const encoding of ["hex", "base64", "base64url", "latin1"] as const) {
      expect(output).not.toContain(key.toString(encoding));
    }
  }
  expect(output).not.toContain(emulator.tenant.server.clientSecret);
  expect(output).not.toContain(environment["CLIENT_SECRET"] ?? emulator.tenant.server.clientSecret);
  expect(output).not.toMatch(/eyJ[\w-]{20,}/u);
}
