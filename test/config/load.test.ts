import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { loadConfig } from "../../src/config/load.js";
import { projectFolder } from "../helpers/server-process.js";

let folder = "";
let committed = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-config-"));
  committed = await readFile(join(projectFolder, "config.json"), "utf8");
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function load(text: string): ReturnType<typeof loadConfig> {
  const file = join(folder, "config.json");
  await writeFile(file, text);
  return loadConfig(file);
}

/** The committed configuration with one value in another's place; undefined takes it out. */
function changed(path: string, value: unknown): string {
  const root: unknown = JSON.parse(committed);
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  let at = root;
  for (const key of keys) {
    at = typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined;
  }
  if (typeof at !== "object" || at === null) throw new Error(`no ${path}`);
  Reflect.set(at, last, value);
  return JSON.stringify(root);
}

describe("a configuration", () => {
  test("as the repository has it is good, and frozen through and through", async () => {
    const { config, keyNames } = await load(committed);
    expect(keyNames).toEqual({
      model: "AlexNetModelKey",
      images: ["AlexNetDataKey"],
      legacyImage: "AlexNetDataKey",
    });
    expect(Object.isFrozen(config.Inference.Limits)).toBe(true);
    expect(() => {
      config.Inference.Listen.Port = 1;
    }).toThrow(TypeError);
  });

  test("with the original's own entries, native library and all, is good", async () => {
    const entries = ["AlexNetModelKey /model.key", "AlexNetDataKey /image.key"].map((text) => {
      const [ID, LocalPath] = text.split(" ");
      const SrsAddress = "https://accmhsm.managedhsm.azure.net";
      return {
        ID,
        SrsAddress,
        SrsApiVersion: "7.3-preview",
        LocalPath,
        ClientLib: "libmhsm_ssr.so",
        Verbose: 1,
      };
    });
    await expect(load(changed("Secret", entries))).resolves.toBeDefined();
  });

  test("gets the contract's defaults for what it leaves out", async () => {
    const root = changed("Inference.Limits", undefined);
    const { config } = await load(root.replace(/"Images":\{[^}]*\},/u, ""));
    expect(config.Inference.Limits).toEqual({
      MaxBatch: 8,
      MaxBatchDelayMs: 0,
      MaxQueue: 256,
      MaxBytesInFlight: 268_435_456,
      RequestTimeoutMs: 30_000,
    });
    expect(config.Inference.Images).toEqual({
      Formats: ["plain", "encrypted", "jwe"],
      MaxBytes: 20_971_520,
      MaxPixels: 50_000_000,
      MaxDecodes: 2,
    });
  });

  test("may hold keys of Mystikos' own that we do not know", async () => {
    await expect(load(changed("SomeNewKey", { a: 1 }))).resolves.toBeDefined();
  });
});

describe("a configuration is refused, and the key, the value and the fix named, for", () => {
  test.each<[string, unknown, RegExp]>([
    [
      "Inference.Limits.MaxBach",
      8,
      /known keys \(MaxBatch, .*\); got "MaxBach"\. Correct its spelling/u,
    ],
    ["Inference.Metrics", {}, /Inference\.Metrics: expected one of the known keys \(Listen, /u],
    ["Secret.0.Key", "x", /Secret\[0\]\.Key: .*got "Key"/u],
    ["Inference.Listen.Port", "8000", /expected a value of type number; got "8000"\. Correct/u],
    ["Inference.Listen.Port", 70_000, /expected at most 65535; got 70000/u],
    ["Inference.Limits.MaxBatch", 0, /expected at least 1; got 0/u],
    ["Inference.Limits.MaxBatch", 1.5, /expected a whole number; got 1\.5/u],
    ["Inference.Model.Sha256", undefined, /got nothing\. Add it/u],
    ["Inference.Model.Sha256", "abc", /SHA-256, 64 hex digits; got "abc"/u],
    ["Inference.Model.Url", "http://models.example/x", /an https:\/\/ URL; got "http:/u],
    ["Inference.Model.DeadlineMs", -1, /expected at least 1; got -1/u],
    ["Inference.Attestation.Evidence", "snp", /"sgx", or the absolute path/u],
    ["Inference.Images.Formats", [], /expected at least 1 entries; got \[\]/u],
    ["Inference.Images.Formats", ["png"], /Formats\[0\]: expected one of "plain", "encrypted"/u],
    ["Inference.Results.Encrypt", "sometimes", /one of "match", "always", "never"; got/u],
    [
      "Inference.Trust",
      { CaFile: "ca.pem", Connect: "nowhere" },
      /Trust\.Connect: expected host:port/u,
    ],
    ["Secret", [], /Secret: expected at least 1 entries/u],
    ["Secret.0.ClientLib", "mhms", /"mhsm", or the name of a native library/u],
    ["Secret.0.Verbose", 0, /Secret\[0\]\.Verbose: expected at least 1/u],
    ["Secret.0.LocalPath", "model.key", /an absolute path; got "model\.key"/u],
    ["Secret.0.ID", "a/b", /a key's name.*got "a\/b"/u],
    ["Secret.0.SrsAddress", "accmhsm.managedhsm.azure.net", /an https:\/\/ URL/u],
    ["Inference", undefined, /Inference: expected .* got nothing/u],
  ])("%s = %j", async (path, value, message) => {
    const attempt = load(changed(path, value));
    await expect(attempt).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toThrow(/^reading .*config\.json: /u);
  });

  test("more than one thing, which it counts", async () => {
    const twice = changed("Inference.Limits", { MaxBatch: 0, MaxQueue: 0 });
    await expect(load(twice)).rejects.toThrow(/\(1 more to correct after it\)/u);
  });

  test("a text that is no JSON", async () => {
    await expect(load('{ "Secret": [], // comment\n }')).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("expected JSON (without comments)"),
    });
  });

  test("a file that is not there", async () => {
    await expect(loadConfig(join(folder, "none.json"))).rejects.toMatchObject({
      code: "CONFIG_UNREADABLE",
      message: expect.stringMatching(/none\.json.*ENOENT.*--config/u),
    });
  });
});

describe("the secrets' roles", () => {
  const secretsWith = (change: Record<string, string>): string => {
    const { Secret: secrets } = z
      .object({ Secret: z.array(z.record(z.string(), z.string())) })
      .parse(JSON.parse(committed));
    secrets.push({ ...secrets[1], ID: "OtherKey", LocalPath: "/other.key", ...change });
    return changed("Secret", secrets);
  };

  test("are told by name, any number of data owners", async () => {
    const text = secretsWith({}).replace(
      '"Formats"',
      '"Keys":["OtherKey","AlexNetDataKey"],"LegacyKey":"AlexNetDataKey","Formats"',
    );
    const { keyNames } = await load(text);
    expect(keyNames).toEqual({
      model: "AlexNetModelKey",
      images: ["OtherKey", "AlexNetDataKey"],
      legacyImage: "AlexNetDataKey",
    });
  });

  test.each<[string, () => string, RegExp]>([
    [
      "a name without an entry",
      () => changed("Inference.Model.Key", "None"),
      /the ID of an entry of Secret \(AlexNetModelKey, AlexNetDataKey\); got "None"/u,
    ],
    [
      "a data owner without an entry",
      () => changed("Inference.Images.Keys", ["None"]),
      /Images\.Keys\[0\].*got "None"/u,
    ],
    [
      "no entry at the original's path",
      () => changed("Secret.1.LocalPath", "/elsewhere"),
      /LocalPath is \/image\.key/u,
    ],
    [
      "one key for both",
      () => changed("Inference.Images.Keys", ["AlexNetModelKey"]),
      /keys other than the model's/u,
    ],
    [
      "a legacy key that is no image's",
      () => changed("Inference.Images.LegacyKey", "AlexNetModelKey"),
      /one of Images\.Keys/u,
    ],
    [
      "two entries of one name",
      () => secretsWith({ ID: "AlexNetDataKey" }),
      /a different ID in each entry/u,
    ],
    [
      "two entries of one path",
      () => secretsWith({ LocalPath: "/image.key" }),
      /a different LocalPath/u,
    ],
  ])("are refused with %s", async (_what, text, message) => {
    const attempt = load(text());
    await expect(attempt).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(attempt).rejects.toThrow(message);
  });
});
