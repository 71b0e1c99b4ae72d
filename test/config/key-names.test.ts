import { describe, expect, test } from "@jest/globals";
import type { KeyNames } from "../../src/config/key-rules.js";
import { all, original, resolve, three, type Entry, type Names } from "./secret-roles.js";

describe("the secrets' roles", () => {
  test("are derived from the original's paths, whatever the order of the entries", () => {
    const names = {
      model: "ModelKey",
      images: ["DataKey"],
      legacyImage: undefined,
      results: undefined,
    };
    expect(resolve(original)).toEqual(names);
    expect(resolve([...original].reverse())).toEqual(names);
    expect(resolve(three)).toEqual(names);
  });

  test("are the original's if Formats contains encrypted but not jwe", () => {
    const names = {
      model: "ModelKey",
      images: [],
      legacyImage: "DataKey",
      results: undefined,
    };
    expect(resolve(original, { formats: ["encrypted"] })).toEqual(names);
    expect(resolve(original, { formats: ["plain", "encrypted"] })).toEqual(names);
  });

  test("include no data owner's key if only plain uploads are accepted", () => {
    expect(resolve(original.slice(0, 1), { formats: ["plain"] })).toEqual({
      model: "ModelKey",
      images: [],
      legacyImage: undefined,
      results: undefined,
    });
  });

  test("are derived from names, whatever the paths", () => {
    expect(resolve(three, { model: "DataKey", images: ["OtherKey", "ModelKey"] })).toEqual({
      model: "DataKey",
      images: ["OtherKey", "ModelKey"],
      legacyImage: undefined,
      results: undefined,
    });
  });

  test("are derived from a name for one and from a path for the other", () => {
    expect(resolve(three, { model: "OtherKey" })).toMatchObject({ images: ["DataKey"] });
    expect(resolve(three, { images: ["OtherKey"] })).toMatchObject({ model: "ModelKey" });
  });

  test("assign LegacyKey's key to uploads without a key name", () => {
    const swapped = { images: ["DataKey"], legacy: "OtherKey", formats: all };
    expect(resolve(three, swapped)).toMatchObject({ images: ["DataKey"], legacyImage: "OtherKey" });
    // By name or by path.
    for (const legacy of [undefined, "DataKey"]) {
      const names = resolve(three, {
        images: ["OtherKey"],
        formats: all,
        ...(legacy === undefined ? {} : { legacy }),
      });
      expect(names).toMatchObject({ images: ["OtherKey"], legacyImage: "DataKey" });
    }
    expect(resolve(three, { legacy: "OtherKey" })).toMatchObject({ images: ["DataKey"] });
  });

  test("assign Results.Key's secret to answers to .encrypted uploads", () => {
    const names: Names = { images: ["OtherKey"], formats: all };
    for (const Encrypt of ["match", "always", "never"]) {
      const { results } = resolve(three, { ...names, results: { Key: "OtherKey", Encrypt } });
      expect(results).toBe("OtherKey");
    }
    const own: Names = { formats: ["encrypted"], results: { Key: "OtherKey" } };
    expect(resolve(three, own)).toMatchObject({ images: [], results: "OtherKey" });
  });
});

describe("the secrets' roles are refused", () => {
  const renamed = (index: number, change: Partial<Entry>): Entry[] =>
    three.map((entry, at) => (at === index ? { ...entry, ...change } : entry));

  test.each<[string, Entry[], Names, RegExp]>([
    [
      "a name of the model's key that has no entry",
      original,
      { model: "None" },
      /Inference\.Model\.Key: expected the ID of an entry of Secret \(ModelKey, DataKey\); got "None"/u,
    ],
    [
      "a name of the image's key that has no entry",
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
      /a secret other than the model's; got "ModelKey"/u,
    ],
    ["one key for both, by name and path", original, { model: "DataKey" }, /got "DataKey"/u],
    [
      "a legacy key that is the model's",
      original,
      { legacy: "ModelKey" },
      /LegacyKey: .*"ModelKey"/u,
    ],
    [
      "a LegacyKey that has no entry",
      original,
      { legacy: "None" },
      /LegacyKey: expected the ID of an entry of Secret \(ModelKey, DataKey\); got "None"/u,
    ],
    [
      "one secret for .encrypted and JWE, both named",
      three,
      { images: ["OtherKey", "DataKey"], legacy: "DataKey", formats: all },
      /Images\.Keys: expected a JWE secret that is not the LegacyKey: nothing authenticates .*one key, one use.*got "DataKey"\. Name a secret of its own/u,
    ],
    [
      "one secret for .encrypted and JWE, even if neither is accepted",
      three,
      { images: ["DataKey"], legacy: "DataKey", formats: ["plain"] },
      /not the LegacyKey.*got "DataKey"/u,
    ],
    [
      "one secret for .encrypted by its path, and for JWE by name",
      three,
      { images: ["DataKey"], formats: all },
      /not the LegacyKey.*got "DataKey"/u,
    ],
    [
      "one secret for .encrypted and JWE, both by its path",
      original,
      { formats: ["encrypted", "jwe"] },
      /Images\.Keys: expected a JWE secret.*got nothing, and "DataKey" is the LegacyKey\. Name a secret/u,
    ],
    [
      "one secret for .encrypted by name, and for JWE by its path",
      original,
      { legacy: "DataKey" },
      /got nothing, and "DataKey" is the LegacyKey/u,
    ],
    [
      "no entry at the original's path for .encrypted uploads",
      renamed(1, { LocalPath: "/elsewhere" }),
      { formats: ["encrypted"] },
      /Images\.LegacyKey: .*LocalPath is \/image\.key; got neither/u,
    ],
    [
      "answers sealed under the key of .encrypted uploads",
      three,
      { images: ["OtherKey"], formats: all, results: { Key: "DataKey" } },
      /Results\.Key: expected a JWE secret that is not the LegacyKey.*got "DataKey"/u,
    ],
    [
      "answers sealed under the model's key",
      three,
      { results: { Key: "ModelKey" } },
      /Results\.Key: expected a secret other than the model's/u,
    ],
    [
      "answers sealed under the key of another vault's owner",
      renamed(2, { SrsAddress: "https://other.example" }),
      { images: ["OtherKey"], formats: all, results: { Key: "OtherKey" } },
      /Results\.Key: expected a secret of the same SrsAddress and Tenant as "DataKey"/u,
    ],
    [
      "answers sealed under the key of another tenant's owner",
      renamed(2, { Tenant: "other.example" }),
      { formats: ["encrypted"], results: { Key: "OtherKey" } },
      /Results\.Key: expected a secret of the same SrsAddress and Tenant as "DataKey"/u,
    ],
    [
      "a LegacyKey by name beside a JWE secret by the same entry's path, without encrypted",
      original,
      { legacy: "DataKey", formats: ["jwe"] },
      /take Inference\.Images\.LegacyKey out/u,
    ],
    [
      "answers sealed under a key that has no entry",
      three,
      { results: { Key: "None" } },
      /Results\.Key: .*"None"/u,
    ],
    [
      "no key for answers to .encrypted uploads that are always encrypted",
      original,
      { formats: ["encrypted"], results: { Encrypt: "always" } },
      /Results\.Key: expected the JWE secret that answers to \.encrypted uploads.*got nothing/u,
    ],
    ["two entries of one name", renamed(2, { ID: "DataKey" }), {}, /a different ID in each entry/u],
    [
      "two entries whose names differ only in case, which the vault ignores",
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
      "two entries of one path in two spellings",
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
