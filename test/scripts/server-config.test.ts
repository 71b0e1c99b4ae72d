import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { EmulatorProcess } from "../../scripts/demo/emulator.js";
import { plainHost } from "../../scripts/demo/host.js";
import { readBaseConfig, writeServerConfig } from "../../scripts/demo/server-config.js";
import { loadConfig } from "../../src/config/load.js";
import type { Config } from "../../src/config/schema.js";
import { projectFolder } from "../helpers/server-process.js";

const other = {
  secret: {
    ID: "OtherSealKey",
    SrsAddress: "https://othermhsm.managedhsm.azure.net",
    Tenant: "6a8b0f4e-0000-4000-8000-000000000000",
    AttestationEndpoint: "https://other.neu.attest.azure.net",
  },
  policyFile: "",
  environmentFile: "",
};
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-config-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function written(model: string, owner: typeof other | undefined): Promise<Config> {
  const emulator = { port: 1, caFile: "ca.pem", quotingKeyFile: "quoting-key.pem" };
  const file = await writeServerConfig({
    folder,
    model,
    location: plainHost(folder),
    base: await readBaseConfig(),
    emulator: emulator as EmulatorProcess,
    published: { url: "https://models.confml.example/x", sha256: "0".repeat(64) },
    other: owner,
    manifest: { file: "model.json" },
    host: "127.0.0.1",
    port: 0,
    refreshMs: 0,
  });

  return (await loadConfig(file, { enclave: false })).config;
}

describe("the demo's configuration", () => {
  test("has the model's format from its content, whatever its name", async () => {
    const ort = join(folder, "model.bin");
    await writeFile(ort, Buffer.from("\u0018\0\0\0ORTM…"));
    expect((await written(ort, undefined)).Inference.Model.Format).toBe("ort");
    const onnx = join(projectFolder, "models/demo/alexnet.onnx");
    expect((await written(onnx, undefined)).Inference.Model.Format).toBe("onnx");
    await writeFile(ort, "");
    expect((await written(ort, undefined)).Inference.Model.Format).toBe("onnx");
  });

  test("has a second data owner with its own vault, tenant and attestation service", async () => {
    const onnx = join(projectFolder, "models/demo/alexnet.onnx");
    const { Secret: secrets, Inference: inference } = await written(onnx, other);
    expect(inference.Images.Keys).toEqual(["AlexNetSealKey", "OtherSealKey"]);
    expect(secrets).toHaveLength(4);
    expect(secrets[3]).toMatchObject(other.secret);
    expect((await written(onnx, undefined)).Secret).toHaveLength(3);
  });
});
