import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { loadEvidenceProvider } from "../../src/attestation/providers.js";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-providers-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function load(code: string, options?: unknown) {
  const file = join(folder, `${Buffer.from(code).toString("hex").slice(0, 200)}.mjs`);
  await writeFile(file, code);
  return loadEvidenceProvider(file, options);
}

describe("an evidence provider", () => {
  test("is what the named module's factory makes of the options", async () => {
    const provider = await load(
      "export default (options) => ({ collect: async (data) => ({ type: 'SgxEnclave', fields: { quote: [options.first, data[0]] } }) });",
      { first: 7 },
    );
    await expect(provider.collect(Uint8Array.of(9))).resolves.toEqual({
      type: "SgxEnclave",
      fields: { quote: [7, 9] },
    });
  });

  test.each([
    ["no default export", "export const provider = {};", /no default export that is a function/u],
    ["no collect", "export default () => ({});", /a provider without collect\(\)/u],
    ["a factory that throws", "export default () => { throw new Error('no key'); };", /no key/u],
    ["a syntax error", "export default (", /expected an evidence provider module/u],
  ])("is refused from a module with %s", async (_what, code, message) => {
    const attempt = load(code);
    await expect(attempt).rejects.toMatchObject({ code: "EVIDENCE_UNAVAILABLE" });
    await expect(attempt).rejects.toThrow(message);
  });

  test("is refused from a module that is not there", async () => {
    await expect(loadEvidenceProvider(join(folder, "none.mjs"), {})).rejects.toThrow(/none\.mjs/u);
  });

  test("of SGX is part of the server, and fails on a machine without", async () => {
    const provider = await loadEvidenceProvider("sgx", undefined);
    await expect(provider.collect(new Uint8Array(32))).rejects.toMatchObject({
      code: "EVIDENCE_UNAVAILABLE",
      message: expect.stringContaining("not inside Mystikos"),
    });
  });
});
