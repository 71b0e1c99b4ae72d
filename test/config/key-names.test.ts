import { describe, expect, test } from "@jest/globals";
import { resolveKeyNames, type KeyNames } from "../../src/config/key-names.js";
import { configSchema } from "../../src/config/schema.js";

interface Entry {
  ID: string;
  LocalPath: string;
}

interface Names {
  model?: string;
  images?: string[];
  legacy?: string;
}

const original: Entry[] = [
  { ID: "ModelKey", LocalPath: "/model.key" },
  { ID: "DataKey", LocalPath: "/image.key" },
];
const three: Entry[] = [...original, { ID: "OtherKey", LocalPath: "/other.key" }];

function resolve(entries: Entry[], { model, images, legacy }: Names = {}): KeyNames {
  const config = configSchema.parse({
    Secret: entries.map((entry) => ({
      ...entry,
      SrsAddress: "https://vault.example",
      ClientLib: "mhsm",
    })),
    Inference: {
      Listen: {},
      Attestation: { Endpoint: "https://attest.example", Evidence: "sgx" },
      Model: {
        Url: "https://models.example/model",
        Sha256: "0".repeat(64),
        Manifest: "model.json",
        Key: model,
      },
      Images: { Keys: images, LegacyKey: legacy },
    },
  });
  return resolveKeyNames(config, "reading config.json");
}

describe("the secrets' roles", () => {
  test("are told by the original's paths, in whatever order the entries stand", () => {
    const names = { model: "ModelKey", images: ["DataKey"], legacyImage: "DataKey" };
    expect(resolve(original)).toEqual(names);
    expect(resolve([...original].reverse())).toEqual(names);
    expect(resolve(three)).toEqual(names);
  });

  test("are told by name, whatever the paths", () => {
    expect(resolve(three, { model: "DataKey", images: ["OtherKey", "ModelKey"] })).toEqual({
      model: "DataKey",
      images: ["OtherKey", "ModelKey"],
      legacyImage: "OtherKey",
    });
  });

  test("are told by name for one and by path for the other", () => {
    expect(resolve(three, { model: "OtherKey" })).toMatchObject({ images: ["DataKey"] });
    expect(resolve(three, { images: ["OtherKey"] })).toMatchObject({ model: "ModelKey" });
  });

  test("give uploads without a name the key that LegacyKey says", () => {
    const names = resolve(three, { images: ["OtherKey", "DataKey"], legacy: "DataKey" });
    expect(names.legacyImage).toBe("DataKey");
    expect(resolve(original, { legacy: "DataKey" }).legacyImage).toBe("DataKey");
  });
});

describe("the secrets' roles are refused", () => {
  const renamed = (index: number, change: Partial<Entry>): Entry[] =>
    three.map((entry, at) => (at === index ? { ...entry, ...change } : entry));

  test.each<[string, Entry[], Names, RegExp]>([
    [
      "a model's key without an entry",
      original,
      { model: "None" },
      /Inference\.Model\.Key: expected the ID of an entry of Secret \(ModelKey, DataKey\); got "None"/u,
    ],
    [
      "an image's key without an entry",
      original,
      { images: ["DataKey", "None"] },
      /Keys\[1\].*"None"/u,
    ],
    ["a name in other letters", original, { model: "modelkey" }, /got "modelkey"/u],
    ["a path in place of a name", original, { images: ["/image.key"] }, /got "\/image\.key"/u],
    ["an empty name", original, { model: "" }, /got ""/u],
    [
      "no entry at the original's path of the model",
      renamed(0, { LocalPath: "/elsewhere" }),
      {},
      /Model\.Key: expected .*LocalPath is \/model\.key; got neither\. Name the secret/u,
    ],
    [
      "no entry at the original's path of the image",
      renamed(1, { LocalPath: "/elsewhere" }),
      {},
      /Images\.Keys: .*LocalPath is \/image\.key; got neither/u,
    ],
    [
      "one key for both, by name",
      original,
      { images: ["DataKey", "ModelKey"] },
      /keys other than the model's; got "ModelKey"/u,
    ],
    ["one key for both, by name and path", original, { model: "DataKey" }, /got "DataKey"/u],
    [
      "a legacy key that is the model's",
      original,
      { legacy: "ModelKey" },
      /LegacyKey: .*"ModelKey"/u,
    ],
    ["a legacy key of nobody's", original, { legacy: "None" }, /one of Images\.Keys \(DataKey\)/u],
    [
      "a legacy key that is another entry's",
      three,
      { images: ["OtherKey"], legacy: "DataKey" },
      /one of Images\.Keys \(OtherKey\); got "DataKey"/u,
    ],
    ["two entries of one name", renamed(2, { ID: "DataKey" }), {}, /a different ID in each entry/u],
    [
      "two entries of one name for the vault, which reads capitals as small letters",
      renamed(2, { ID: "MODELKEY" }),
      { images: ["MODELKEY"] },
      /a different ID in each entry; got "MODELKEY" twice/u,
    ],
    [
      "two entries of one path",
      renamed(2, { LocalPath: "/image.key" }),
      {},
      /a different LocalPath in each entry; got "\/image\.key" twice/u,
    ],
    [
      "two entries of one path, written in two ways",
      renamed(2, { LocalPath: "//keys/.././model.key" }),
      {},
      /a different LocalPath in each entry/u,
    ],
  ])("with %s", (_what, entries, names, message) => {
    const attempt = (): KeyNames => resolve(entries, names);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    expect(attempt).toThrow(/^reading config\.json: /u);
  });
});
