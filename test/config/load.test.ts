import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { loadConfig } from "../../src/config/load.js";
import { projectFolder } from "../helpers/server-process.js";
import { defaultLimits } from "../../src/image/limits.js";

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
  return loadConfig(file, { enclave: false });
}

/** Replaces one value of the committed configuration; undefined removes it. */
function changed(path: string, value: unknown, text = committed): string {
  const root: unknown = JSON.parse(text);
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
  test("of the repository is accepted, and returned without changes", async () => {
    const { config, keyNames } = await load(committed);
    expect(keyNames).toEqual({
      model: "AlexNetModelKey",
      images: ["AlexNetSealKey"],
      legacyImage: "AlexNetDataKey",
      results: undefined,
    });
    expect(Object.isFrozen(config.Inference.Limits)).toBe(true);
    expect(() => {
      config.Inference.Listen.Port = 1;
    }).toThrow(TypeError);
  });

  test("may name proxies and pages", async () => {
    const TrustedProxies = ["10.0.0.1", "10.0.0.0/8", "fd00::/8", "::1", "10.0.0.0/32"];
    const Cors = ["https://a.example", "http://localhost:3000", "https://a.example:8443", "null"];
    const { config } = await load(changed("Inference.Listen", { TrustedProxies, Cors }));
    expect(config.Inference.Listen).toMatchObject({ TrustedProxies, Cors });
    const bare = await load(changed("Inference.Listen", {}));
    expect(bare.config.Inference.Listen).toMatchObject({ TrustedProxies: [], Cors: [] });
  });

  test("that is another file, such as a key, is refused with an error that does not repeat it", async () => {
    for (const text of [
      "hunter2-hunter2",
      '{"version": hunter2',
      `{"a": "${"b".repeat(99)}" hunter2`,
    ]) {
      await expect(load(text)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
      await expect(load(text)).rejects.toThrow("got other text");
      await expect(load(text)).rejects.not.toThrow("hunter");
    }
  });

  test("is refused with a readable error however deep it is nested", async () => {
    for (const depth of [200, 5000, 100_000]) {
      const deep = `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
      const text = committed.replace('"Evidence":', `"EvidenceOptions": ${deep}, "Evidence":`);
      await expect(load(text)).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        message: expect.stringContaining("at most 128 deep"),
      });
    }
    const options = `${'{"a":'.repeat(100)}1${"}".repeat(100)}`;
    const text = committed.replace('"Evidence":', `"EvidenceOptions": ${options}, "Evidence":`);
    await expect(load(text)).resolves.toBeDefined();
  });

  test("with the original's entries, including its native library, is accepted", async () => {
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
    const images = (value: unknown): string =>
      changed("Inference.Images", value, changed("Secret", entries));
    expect((await load(images({ Formats: ["plain", "encrypted"] }))).keyNames).toEqual({
      model: "AlexNetModelKey",
      images: [],
      legacyImage: "AlexNetDataKey",
      results: undefined,
    });
    expect((await load(images(undefined))).keyNames).toMatchObject({
      images: ["AlexNetDataKey"],
      legacyImage: undefined,
    });
  });

  test("gets the documented defaults of Limits, Images, Results, Release and the model", async () => {
    const left = ["Limits", "Images", "Results", "Release", "Model.Format", "Model.Weights"];
    const bare = left.reduce(
      (text, key) => changed(`Inference.${key}`, undefined, text),
      committed,
    );
    const { config, keyNames } = await load(bare);
    expect(keyNames).toMatchObject({ images: ["AlexNetDataKey"], legacyImage: undefined });
    expect(config.Inference.Limits).toEqual({
      MaxBatch: 8,
      MaxBatchDelayMs: 0,
      MaxQueue: 256,
      MaxBytesInFlight: 268_435_456,
      RequestsPerMinute: 0,
      RejectionDelayMs: 5000,
      MaxLegacyUploads: 200,
      LegacyPeriodMs: 3_600_000,
      MinBytesPerSecond: 1024,
      UploadGraceMs: 5000,
      MaxConnections: 4096,
      HeaderTimeoutMs: 5000,
      RequestTimeoutMs: 30_000,
      RunTimeoutMs: 10_000,
    });
    expect(config.Inference.Images).toEqual({
      Formats: ["jwe"],
      MaxBytes: 20_971_520,
      MaxPixels: 50_000_000,
      MaxWidth: 32_768,
      MaxHeight: 32_768,
      MaxRowBytes: 524_288,
      MaxDecodeBytes: 629_145_600,
      MaxDecodeBytesInFlight: 805_306_368,
      MaxDecodes: 3,
      DecodeTimeoutMs: 15_000,
    });
    expect(config.Inference.Model).toMatchObject({ Format: "onnx", Weights: "packed" });
    expect(config.Inference.Results).toMatchObject({ Encrypt: "match", MaxTop: 1000 });
    expect(config.Inference.Release).toEqual({
      DeadlineMs: 120_000,
      AttemptTimeoutMs: 20_000,
      RefreshMs: 0,
      GraceMs: 86_400_000,
      Wrapping: "RSA_AES_KEY_WRAP_256",
    });
  });

  test("has the same limits on pictures as the owners' commands", async () => {
    const bare = changed("Inference.Images", undefined);
    const { Images: images } = (await load(bare)).config.Inference;
    expect({
      maxPixels: images.MaxPixels,
      maxWidth: images.MaxWidth,
      maxHeight: images.MaxHeight,
      maxRowBytes: images.MaxRowBytes,
      maxDecodeBytes: images.MaxDecodeBytes,
    }).toEqual(defaultLimits);
  });

  test("must allow at least one picture's memory for all pictures together", async () => {
    await expect(
      load(changed("Inference.Images.MaxDecodeBytesInFlight", 67_108_864)),
    ).rejects.toThrow(/Images\.MaxDecodeBytesInFlight.*at least Images\.MaxDecodeBytes/u);
  });

  test("is deeply frozen", async () => {
    const unfrozen: unknown[] = [];
    const visit = (value: unknown): void => {
      if (typeof value !== "object" || value === null) return;
      if (!Object.isFrozen(value)) unfrozen.push(value);
      Object.values(value).forEach(visit);
    };
    visit(await load(changed("Inference.Attestation.EvidenceOptions", { a: [{ b: 1 }] })));
    expect(unfrozen).toEqual([]);
  });

  test("may contain the smallest and largest allowed values", async () => {
    const bounds = [
      ["Inference.Listen.Port", 0],
      ["Inference.Listen.Port", 65_535],
      ["Inference.Limits.MaxBatchDelayMs", 0],
      ["Inference.Limits.MaxBatch", 256],
      ["Inference.Model.DeadlineMs", 1],
      ["Inference.Model.DeadlineMs", 86_400_000],
      ["Secret.0.Verbose", 1],
      ["Secret.0.ID", "k".repeat(127)],
    ] as const;
    for (const [path, value] of bounds) {
      await expect(load(changed(path, value))).resolves.toBeDefined();
    }
  });

  test("may contain unknown keys of Mystikos", async () => {
    await expect(load(changed("SomeNewKey", { a: 1 }))).resolves.toBeDefined();
  });
});

describe("a configuration is refused with an error that names the key, the value and the fix, for", () => {
  test.each<[string, unknown, RegExp]>([
    [
      "Inference.Limits.MaxBach",
      8,
      /known keys \(MaxBatch, .*\); got "MaxBach"\. Correct its spelling/u,
    ],
    ...["*", "https://*.example", "https://a.example/", "https://a.example:443"].map(
      (origin): [string, unknown, RegExp] => [
        "Inference.Listen.Cors",
        [origin],
        /Listen\.Cors\[0\]: expected an origin such as https:\/\/a\.example/u,
      ],
    ),
    ...["https://A.example", "ftp://a.example", "file://", "https://u:p@a.example"].map(
      (origin): [string, unknown, RegExp] => [
        "Inference.Listen.Cors",
        [origin],
        /Listen\.Cors\[0\]/u,
      ],
    ),
    ...["0.0.0.0/0", "::/0", "10.0.0.0/33", "::1/129", "10.0.0.0/8/8", "10.0.0.0/-1"].map(
      (network): [string, unknown, RegExp] => [
        "Inference.Listen.TrustedProxies",
        [network],
        /Listen\.TrustedProxies\[0\]: expected an IP address, or a network/u,
      ],
    ),
    ...["loopback", "proxy.example", "", "fe80::1%eth0", "::ffff:10.0.0.1", "10.0.0.0/"].map(
      (network): [string, unknown, RegExp] => [
        "Inference.Listen.TrustedProxies",
        [network],
        /Listen\.TrustedProxies\[0\]/u,
      ],
    ),
    ["Inference.Limits.RejectionDelayMs", 8001, /expected at most 8000; got 8001/u],
    ["Inference.Metric", {}, /Inference\.Metric: expected one of the known keys \(Listen, /u],
    ["Inference.Metrics", { Port: 70_000 }, /Metrics\.Port: expected at most 65535; got 70000/u],
    ["Inference.Metrics", { Path: "/m" }, /one of the known keys \(Host, Port\); got "Path"/u],
    ["Inference.Release.RefreshMs", 99, /0 \(never\), or 100 to 2147483647; got 99/u],
    ["Inference.Release.RefreshMs", 2 ** 31, /or 100 to 2147483647; got 2147483648/u],
    ["Inference.Release.GraceMs", 2 ** 31, /expected at most 2147483647; got 2147483648/u],
    ["Inference.Release.Wrapping", "RSA-OAEP", /one of "RSA_AES_KEY_WRAP_256", .*got "RSA-OAEP"/u],
    ["Secret.0.Tenant", "a/../b", /a tenant's id or domain; got "a\/\.\.\/b"/u],
    ["Secret.0.AttestationEndpoint", "http://a.example", /an https:\/\/ URL.*got "http:/u],
    ["Secret.0.SrsAddress", "https://a.example/path", /without a path; got "https:/u],
    ["Secret.0.SrsAddress", "https://user:word@a.example", /without a path; got/u],
    ["Secret.0.ClientLib", "../libx.so", /a file name or an absolute path ending in \.so/u],
    ["Inference.Images.Keys", ["AlexNetDataKey", "AlexNetDataKey"], /each name once/u],
    ["Inference.Trust", { CaFile: "a", Connect: "a:65536" }, /a port up to 65535; got/u],
    ["Secret.0.Key", "x", /Secret\[0\]\.Key: .*got "Key"/u],
    [
      "Inference.Limits.MaxBytesPerAddress",
      100_000_000,
      /MaxBytesPerAddress: expected at most 67108864, which is Limits\.MaxBytesInFlight; got 100000000/u,
    ],
    [
      "Inference.Limits.MaxConnectionsPerAddress",
      5000,
      /expected at most 4096, which is Limits\.MaxConnections; got 5000/u,
    ],
    ["Secret.0.LocalPath", "/model.key/", /without a slash at its end; got "\/model\.key\/"/u],
    ["Secret.0.LocalPath", "/.model.key.confml-new", /does not end in \.confml-new/u],
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
    ["Secret.0.ClientLib", "mhms", /"mhsm", or a native library/u],
    ["Secret.0.Verbose", 0, /Secret\[0\]\.Verbose: expected at least 1/u],
    ["Secret.0.LocalPath", "model.key", /an absolute path; got "model\.key"/u],
    ["Secret.0.ID", "a/b", /a key's name.*got "a\/b"/u],
    ["Secret.0.SrsAddress", "accmhsm.managedhsm.azure.net", /an https:\/\/ URL/u],
    ["Secret.0.SrsAddress", 5, /expected .*; got 5\./u],
    ["Secret.0.ID", undefined, /Secret\[0\]\.ID: expected .* got nothing\. Add it/u],
    ["Secret.0.SrsApiVersion", "7.3 preview", /an API version such as .*got "7\.3 preview"/u],
    ["Secret.0.ClientLib", ".so", /ending in \.so; got "\.so"/u],
    ["Secret", {}, /Secret: expected a value of type array; got \{\}/u],
    ["Inference.Listen.Host", "", /expected at least 1 characters; got ""/u],
    ["Inference.Listen.Port", -1, /expected at least 0; got -1/u],
    ["Inference.Listen.Port", null, /expected a port, as there is no TlsPort; got null/u],
    ["Inference.Release.DeadlineMs", 86_400_001, /expected at most 86400000; got 86400001/u],
    ["Inference.Model.Format", "ORT", /expected .*"ort"; got "ORT"/u],
    ["Inference.Model.Weights", "inplace", /expected .*"in-place"; got "inplace"/u],
    ["MaxAffinityCPUs", -1, /MaxAffinityCPUs.*expected at least 0; got -1/u],
    ["Inference.Model.MaxBytes", 2_000_000_001, /expected at most 2000000000/u],
    ["Inference.Model.Sha256", "g".repeat(64), /64 hex digits; got "ggg/u],
    ["Inference.Model.Manifest", "", /expected at least 1 characters/u],
    ["Inference.Images.MaxBytes", "20MB", /expected a value of type number; got "20MB"/u],
    ["Inference.Images.Keys", [], /expected at least 1 entries; got \[\]/u],
    ["Inference.Attestation.Endpoint", "https://", /an https:\/\/ URL; got "https:\/\/"/u],
    ["Inference.Attestation.Evidence", "/", /absolute path of a provider module; got "\/"/u],
    ["Inference.Trust", { Connect: "a:1" }, /Trust\.CaFile: expected .*got nothing\. Add it/u],
    ["Inference.Trust", { CaFile: "a", Connect: 8000 }, /Trust\.Connect: .*got 8000/u],
    ["Inference", undefined, /Inference: expected .* got nothing/u],
  ])("%s = %j", async (path, value, message) => {
    const attempt = load(changed(path, value));
    await expect(attempt).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toThrow(/^reading .*config\.json: /u);
  });

  test("several problems, whose number the error states", async () => {
    const twice = changed("Inference.Limits", { MaxBatch: 0, MaxQueue: 0 });
    await expect(load(twice)).rejects.toThrow(/\(1 more to correct after it\)/u);
  });

  test("a key that a JavaScript literal cannot contain", async () => {
    const text = committed.replace('"Listen"', '"__proto__": { "Port": 1 }, "Listen"');
    await expect(load(text)).rejects.toThrow(/Inference\.__proto__: expected one of the known/u);
  });

  test("a value that is too long to be shown in full", async () => {
    const attempt = load(changed("Inference.Listen.Port", "1".repeat(500)));
    await expect(attempt).rejects.toThrow(/got "1{70,80}\.\.\. Correct the value/u);
  });

  test.each(["null", "[]", "5", '"text"'])("%s, which is not an object", async (text) => {
    const attempt = load(text);
    await expect(attempt).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(attempt).rejects.toThrow("the whole file: expected a value of type object; got");
  });

  test("a folder", async () => {
    await expect(loadConfig(folder, { enclave: false })).rejects.toMatchObject({
      code: "CONFIG_UNREADABLE",
      message: expect.stringContaining("EISDIR"),
    });
  });

  test("a text that is not JSON", async () => {
    await expect(load('{ "Secret": [], // comment\n }')).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("expected JSON (without comments)"),
    });
  });

  test("a missing file", async () => {
    await expect(loadConfig(join(folder, "none.json"), { enclave: false })).rejects.toMatchObject({
      code: "CONFIG_UNREADABLE",
      message: expect.stringMatching(/none\.json.*ENOENT.*--config/u),
    });
  });
});
