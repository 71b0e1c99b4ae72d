import { describe, expect, test } from "@jest/globals";
import { resolveKeyNames } from "../../src/config/key-names.js";
import { configSchema } from "../../src/config/schema.js";
import { configWarnings } from "../../src/config/warnings.js";

function warningsFor(
  formats: string[] | undefined,
  limits: object = {},
  encrypt = "always",
): string[] {
  const secret = (id: string, path: string): object => ({
    ID: id,
    SrsAddress: "https://vault.example",
    LocalPath: path,
    ClientLib: "mhsm",
  });
  const config = configSchema.parse({
    Secret: [
      secret("ModelKey", "/model.key"),
      secret("DataKey", "/image.key"),
      secret("SealKey", "/seal.key"),
    ],
    Inference: {
      Listen: {},
      Attestation: { Endpoint: "https://attest.example", Evidence: "sgx" },
      Model: { Url: "https://m.example/m", Sha256: "0".repeat(64), Manifest: "model.json" },
      Images: { Formats: formats, Keys: ["SealKey"] },
      Results: { Encrypt: encrypt, Key: "SealKey", Probabilities: "none" },
      Limits: limits,
    },
  });
  return configWarnings({ config, keyNames: resolveKeyNames(config, "reading it") });
}

describe("a configuration's warnings", () => {
  test.each([[undefined], [["jwe"]], [["plain"]], [["plain", "jwe"]]])(
    "are none for %j",
    (formats) => {
      expect(warningsFor(formats)).toEqual([]);
    },
  );

  test("say what a plain-text answer to a JWE reveals", () => {
    expect(warningsFor(["plain"], {}, "never")).toEqual([]);
    expect(warningsFor(["plain", "jwe"], {}, "never")).toEqual([
      expect.stringMatching(/^Results\.Encrypt is "never": whoever uploads a captured \.jwe/u),
    ]);
    expect(warningsFor(["encrypted", "jwe"], {}, "never")).toHaveLength(2);
  });

  test.each([[["encrypted"]], [["plain", "encrypted"]], [["plain", "encrypted", "jwe"]]])(
    "say in one line what .encrypted uploads reveal for %j, whatever mitigation is configured",
    (formats) => {
      for (const limits of [{}, { MaxLegacyUploads: 1 }]) {
        expect(warningsFor(formats, limits)).toEqual([
          expect.stringMatching(
            /^[^\n]*\(DataKey\)[^\n]*recovers the picture whole[^\n]*\.jwe[^\n]*$/u,
          ),
        ]);
      }
    },
  );
});
