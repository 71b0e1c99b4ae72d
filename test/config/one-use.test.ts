import { describe, expect, test } from "@jest/globals";
import type { KeyNames } from "../../src/config/key-rules.js";
import { all, resolve, three, type Names } from "./secret-roles.js";

describe("in any configuration that is accepted", () => {
  const ids = [undefined, "ModelKey", "DataKey", "OtherKey"];
  const keySets = [undefined, ["DataKey"], ["OtherKey"], ["DataKey", "OtherKey"], ["ModelKey"]];
  const formatSets = [
    undefined,
    ["plain"],
    ["jwe"],
    ["encrypted"],
    ["plain", "jwe"],
    ["encrypted", "jwe"],
    all,
  ];

  test("no secret gets two uses", () => {
    let accepted = 0;
    for (const model of ids)
      for (const images of keySets)
        for (const legacy of ids)
          for (const formats of formatSets)
            for (const Key of ids)
              for (const Encrypt of ["match", "always", "never"]) {
                const names = attempt({
                  ...(model === undefined ? {} : { model }),
                  ...(images === undefined ? {} : { images }),
                  ...(legacy === undefined ? {} : { legacy }),
                  ...(formats === undefined ? {} : { formats }),
                  results: { Encrypt, ...(Key === undefined ? {} : { Key }) },
                });
                if (names === undefined) continue;
                accepted += 1;
                const jwe = new Set([...names.images, names.results]);
                expect(jwe.has(names.model)).toBe(false);
                expect(names.legacyImage).not.toBe(names.model);
                if (names.legacyImage !== undefined) {
                  expect(jwe.has(names.legacyImage)).toBe(false);
                }
                const reads = formats ?? ["jwe"];
                expect(reads.includes("encrypted") && names.legacyImage === undefined).toBe(false);
                expect(reads.includes("jwe") && names.images.length === 0).toBe(false);
              }
    expect(accepted).toBeGreaterThan(100);
  });

  function attempt(names: Names): KeyNames | undefined {
    try {
      return resolve(three, names);
    } catch {
      return undefined;
    }
  }
});
