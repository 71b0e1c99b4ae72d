import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "@jest/globals";
import { createSgxPlatform } from "../../emulator/sgx-platform.js";
import { createCertificates } from "../../emulator/certificates.js";
import { importKey, releasePolicy } from "../../scripts/demo/owners.js";
import { expectFailedBoot } from "../helpers/failed-boot.js";
import { runServerToItsEnd } from "../helpers/server-process.js";
import { authority, encrypt, evidenceModule, setScene, type Scene } from "../helpers/scene.js";

let scene: Scene;

beforeEach(async () => {
  scene = await setScene();
});

afterEach(async () => {
  await scene.close();
});

interface Failure {
  /** The failure, as a part of the test's name. */
  title: string;
  /** Causes the failure. Keys are imported before, unless this function imports them. */
  arrange: (scene: Scene) => Promise<void> | void;
  code: string;
  exitCode: number;
  /** A pattern for the error's line. */
  says: RegExp;
  importsKeys?: boolean;
}

const failures: Failure[] = [
  {
    title: "a flipped byte in the model's file",
    arrange: async ({ modelKey, inference, publishModel }) => {
      const file = encrypt(Buffer.alloc(1000, 1), modelKey);
      await publishModel(file);
      const { Sha256: honest } = inference.Model;
      file[500] = (file[500] ?? 0) ^ 1;
      await publishModel(file);
      inference.Model["Sha256"] = honest;
    },
    code: "MODEL_ALTERED",
    exitCode: 77,
    says: /expected SHA-256 [0-9a-f]{64}.*got [0-9a-f]{64} of 1008 bytes/u,
  },
  {
    title: "a file cut short",
    arrange: async ({ modelKey, inference, publishModel }) => {
      const file = encrypt(Buffer.alloc(1000, 1), modelKey);
      await publishModel(file);
      const { Sha256: honest } = inference.Model;
      await publishModel(file.subarray(0, 992));
      inference.Model["Sha256"] = honest;
    },
    code: "MODEL_ALTERED",
    exitCode: 77,
    says: /of 992 bytes/u,
  },
  {
    title: "a wrong model key in the vault",
    arrange: async ({ vault, measurement, importKeys }) => {
      await importKeys();
      await importKey(
        vault,
        "ModelKey",
        Buffer.alloc(32, 9),
        releasePolicy(authority, measurement),
      );
    },
    importsKeys: true,
    code: "MODEL_KEY_WRONG",
    exitCode: 77,
    says: /a file that this key does not open/u,
  },
  {
    title: "a key that the vault does not have",
    arrange: async ({ vault, measurement, modelKey }) => {
      await importKey(vault, "ModelKey", modelKey, releasePolicy(authority, measurement));
    },
    importsKeys: true,
    code: "RELEASE_REFUSED",
    exitCode: 77,
    says: /releasing (?:Image|Seal)Key.*HTTP 404: KeyNotFound/u,
  },
  {
    title: "two data owners' secrets with the same bytes",
    arrange: async (scene) => {
      await scene.importKeys();
      await importKey(
        scene.vault,
        "SealKey",
        scene.imageKey,
        releasePolicy(authority, scene.measurement),
      );
    },
    importsKeys: true,
    code: "KEY_REUSED",
    exitCode: 77,
    says: /a key of its own for each secret.*the same bytes as (?:Image|Seal)Key's/u,
  },
  {
    title: "a model's secret with the bytes of a data owner's",
    arrange: async (scene) => {
      await scene.importKeys();
      await importKey(
        scene.vault,
        "ImageKey",
        scene.modelKey,
        releasePolicy(authority, scene.measurement),
      );
    },
    importsKeys: true,
    code: "KEY_REUSED",
    exitCode: 77,
    says: /the same bytes as (?:Image|Model)Key's/u,
  },
  {
    title: "a release policy for other code",
    arrange: ({ importKeys }) => importKeys(releasePolicy(authority, "00".repeat(32))),
    importsKeys: true,
    code: "RELEASE_REFUSED",
    exitCode: 77,
    says: /releasing (?:Model|Image|Seal)Key.*HTTP 403: Forbidden.*confml policy test/u,
  },
  {
    title: "a release policy that allows no debuggable enclave",
    arrange: ({ importKeys, measurement }) =>
      importKeys({
        version: "1.0.0",
        anyOf: [
          {
            authority,
            allOf: [
              { claim: "x-ms-sgx-mrenclave", equals: measurement },
              { claim: "x-ms-sgx-is-debuggable", equals: "false" },
            ],
          },
        ],
      }),
    importsKeys: true,
    code: "RELEASE_REFUSED",
    exitCode: 77,
    says: /HTTP 403/u,
  },
  {
    title: "a wrong client secret",
    arrange: ({ environment }) => {
      environment["CLIENT_SECRET"] = "wrong-client-secret";
    },
    code: "TOKEN_REFUSED",
    exitCode: 77,
    says: /AADSTS7000215.*CLIENT_SECRET/u,
  },
  {
    title: "no client secret",
    arrange: ({ environment }) => {
      delete environment["CLIENT_SECRET"];
    },
    code: "ENVIRONMENT_INCOMPLETE",
    exitCode: 78,
    says: /got no CLIENT_SECRET/u,
  },
  {
    title: "a stopped Azure, within the release's deadline",
    arrange: async ({ emulator, inference }) => {
      inference["Release"] = { DeadlineMs: 1500 };
      await emulator.close();
    },
    code: "RELEASE_TIMEOUT",
    exitCode: 75,
    says: /within 1500 ms.*ECONNREFUSED/u,
  },
  {
    title: "a model host that does not have the file, at once",
    arrange: ({ inference }) => {
      inference.Model["Url"] = "https://models.confml.example/no-such-file";
    },
    code: "MODEL_UNREACHABLE",
    exitCode: 75,
    says: /HTTP 404/u,
  },
  {
    title: "evidence that nobody knows",
    arrange: async ({ inference, folder }) => {
      const { quotingKeyPem } = await createSgxPlatform();
      await writeFile(join(folder, "other-key.pem"), quotingKeyPem);
      inference["Attestation"] = {
        Endpoint: authority,
        Evidence: evidenceModule,
        EvidenceOptions: { QuotingKey: join(folder, "other-key.pem"), Code: folder },
      };
    },
    code: "ATTESTATION_REFUSED",
    exitCode: 77,
    says: /InvalidQuote/u,
  },
  {
    title: "SGX evidence, on a machine without",
    arrange: ({ inference }) => {
      inference["Attestation"] = { Endpoint: authority, Evidence: "sgx" };
    },
    code: "EVIDENCE_UNAVAILABLE",
    exitCode: 75,
    says: /getting an SGX quote.*not inside Mystikos/u,
  },
  {
    title: "a native client library that is not there",
    arrange: ({ secrets }) => {
      const [first] = secrets;
      if (first !== undefined) first.ClientLib = "libmhsm_ssr.so";
    },
    code: "CLIENT_INVALID",
    exitCode: 78,
    says: /libmhsm_ssr\.so/u,
  },
  {
    title: "Azure behind another CA's certificate, though the host says not to mind",
    arrange: async ({ folder, environment, emulator }) => {
      await writeFile(join(folder, "true-ca.pem"), emulator.caPem);
      environment["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
      environment["NODE_EXTRA_CA_CERTS"] = join(folder, "true-ca.pem");
      environment["NODE_NO_WARNINGS"] = "1";
      await writeFile(join(folder, "ca.pem"), (await createCertificates()).caPem);
    },
    code: "CONNECTION_UNTRUSTED",
    exitCode: 77,
    says: /certificate/u,
  },
];

describe("a boot that meets", () => {
  test.each(failures)(
    "$title ends with $code",
    async ({ arrange, code, exitCode, says, importsKeys }) => {
      if (importsKeys !== true) await scene.importKeys();
      await arrange(scene);
      const ended = await runServerToItsEnd(await scene.launch());
      await expectFailedBoot(ended, scene, { code, exitCode, says });
    },
  );
});
