import { expect } from "@jest/globals";
import type { Scene } from "./scene.js";

/** Keys in every dress they might wear, the client's secret, tokens. */
export function expectNoSecrets(
  output: string,
  { modelKey, imageKey, emulator, environment }: Scene,
): void {
  for (const key of [modelKey, imageKey]) {
    for (const dress of ["hex", "base64", "base64url", "latin1"] as const) {
      expect(output).not.toContain(key.toString(dress));
    }
  }
  expect(output).not.toContain(emulator.tenant.server.clientSecret);
  expect(output).not.toContain(environment["CLIENT_SECRET"] ?? emulator.tenant.server.clientSecret);
  expect(output).not.toMatch(/eyJ[\w-]{20,}/u);
}
