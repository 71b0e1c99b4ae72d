import { z } from "zod";

const httpsUrl = z.url({ protocol: /^https$/u, error: "an https:// URL" });
/** A service's address: no path, query or credentials, which would be dropped or sent along unseen. */
const httpsOrigin = httpsUrl.refine(
  (url) => URL.canParse(url) && `${new URL(url).origin}/` === new URL(url).href,
  "an https:// URL without a path",
);
/** Of setTimeout: 2^31 - 1. */
const longestTimerMs = 2_147_483_647;
const path = z.string().min(1);
const host = z.string().min(1).default("0.0.0.0").describe("The address to listen on.");
const port = (fallback: number) =>
  z
    .int()
    .min(0)
    .max(65_535)
    .default(fallback)
    .describe("The TCP port. 0: the system chooses one, and the log names it.");
const limit = (min: number, max: number, fallback: number, description: string) =>
  z.int().min(min).max(max).default(fallback).describe(description);
const milliseconds = (fallback: number) => z.int().min(1).max(86_400_000).default(fallback);

/** Mystikos' own `Secret` section (its struct is in Mystikos' `config.h`), and two keys of ours. */
const secret = z.strictObject({
  ID: z
    .string()
    .regex(/^[0-9A-Za-z-]{1,127}$/u, {
      error: "a key's name: 1 to 127 letters, digits and hyphens",
    })
    .describe("The key's name in its vault; each entry has another."),
  SrsAddress: httpsOrigin.describe("The vault: an https:// URL without a path."),
  SrsApiVersion: z
    .string()
    .regex(/^[0-9A-Za-z.-]+$/u, { error: "an API version such as 7.3-preview" })
    .optional()
    .describe("The version of the vault's API. Default of the built-in client: 7.4."),
  LocalPath: z
    .string()
    .startsWith("/", { error: "an absolute path" })
    .refine((file) => !file.endsWith("/"), "the path of a file, without a slash at its end")
    // A key file is written under this name first.
    .refine((file) => !file.endsWith(".confml-new"), "a name that does not end in .confml-new")
    .describe("The absolute path, in the TEE's file system, of the file with the released key."),
  ClientLib: z
    .string()
    .regex(/^(?:mhsm|[^/]+\.so|\/.+\.so)$/u, {
      error: '"mhsm", or a native library: a file name or an absolute path ending in .so',
    })
    .describe("`mhsm`, the built-in client, or a native library: its file name or absolute path."),
  Verbose: z.int().min(1).optional().describe("Given to a native library. Mystikos rejects 0."),
  Tenant: z
    .string()
    .regex(/^[0-9A-Za-z](?:[0-9A-Za-z.-]{0,253}[0-9A-Za-z])?$/u, {
      error: "a tenant's id or domain",
    })
    .optional()
    .describe("The Azure AD tenant of the vault, its ID or domain. Default: APP_ID."),
  AttestationEndpoint: httpsOrigin
    .optional()
    .describe("The attestation service that this owner trusts. Default: `Attestation.Endpoint`."),
});

const trust = z.strictObject({
  CaFile: path.describe("A file of PEM certificates that replace Node's built-in roots."),
  Authority: httpsOrigin.optional().describe("Azure AD's address. Default: the public one."),
  Connect: z
    .string()
    .regex(/^.+:\d{1,5}$/u, { error: "host:port" })
    .refine((text) => Number(text.slice(text.lastIndexOf(":") + 1)) <= 65_535, "a port up to 65535")
    .describe("`host:port`, to which every outgoing connection goes."),
});

const inference = z.strictObject({
  Listen: z
    .strictObject({ Host: host, Port: port(8000) })
    .describe("The address of the HTTP server."),
  Attestation: z
    .strictObject({
      Endpoint: httpsOrigin.describe("The attestation service: an https:// URL without a path."),
      Evidence: z
        .string()
        .regex(/^sgx$|^\/./u, { error: '"sgx", or the absolute path of a provider module' })
        .describe("`sgx`, or the absolute path of a provider module."),
      EvidenceOptions: z
        .record(z.string(), z.unknown())
        .optional()
        .describe("Given to the provider module unchanged."),
    })
    .describe("How the server proves which code it runs."),
  Trust: trust
    .optional()
    .describe(
      "Absent in production. Connects to emulators of Azure's services: it changes where connections go and which " +
        "roots TLS trusts; every check stays on.",
    ),
  Metrics: z
    .strictObject({ Host: host, Port: port(9464) })
    .optional()
    .describe("The address of Prometheus' metrics. Absent: there are none."),
  Release: z
    .strictObject({
      DeadlineMs: milliseconds(120_000).describe(
        "Time for the release of all keys at boot, in ms.",
      ),
      RefreshMs: z
        .int()
        .refine((value) => value === 0 || (value >= 100 && value <= longestTimerMs), {
          error: `0 (never), or 100 to ${longestTimerMs}`,
        })
        .default(0)
        .meta({
          description:
            "Interval at which the data owners' keys are fetched again, in ms: 0 (never), or 100 or more.",
          minimum: 0,
          maximum: longestTimerMs,
        }),
      GraceMs: z
        .int()
        .min(0)
        .max(longestTimerMs)
        .default(86_400_000)
        .describe("Time for which a replaced key still opens images, in ms."),
      AttemptTimeoutMs: milliseconds(20_000).describe("Time for one request to Azure, in ms."),
      Wrapping: z
        .enum(["RSA_AES_KEY_WRAP_256", "RSA_AES_KEY_WRAP_384", "CKM_RSA_AES_KEY_WRAP"])
        .default("RSA_AES_KEY_WRAP_256")
        .describe("How a vault wraps the key that it releases."),
    })
    .prefault({})
    .describe("The release of the owners' keys."),
  Model: z
    .strictObject({
      Url: httpsUrl.describe("The https:// URL of the encrypted model."),
      Sha256: z
        .string()
        .regex(/^[0-9a-fA-F]{64}$/u, { error: "the encrypted file's SHA-256, 64 hex digits" })
        .describe("SHA-256 of the encrypted file, 64 hex digits."),
      Manifest: path.describe("The path of the model's manifest, model.json."),
      Key: z
        .string()
        .optional()
        .describe(
          "ID of the secret that decrypts the model. Default: the entry whose LocalPath is /model.key.",
        ),
      Format: z
        .enum(["onnx", "ort"])
        .default("onnx")
        .describe("The decrypted file: ONNX, or ONNX Runtime's format (`confml model optimize`)."),
      Weights: z
        .enum(["packed", "in-place"])
        .default("packed")
        .describe(
          "`packed`: copied into the fastest order. `in-place`: used where they lie in the file.",
        ),
      DeadlineMs: milliseconds(600_000).describe("Time for the download, in ms."),
      LoadTimeoutMs: milliseconds(120_000).describe("Time for loading and trying out, in ms."),
      MaxBytes: z
        .int()
        .min(1)
        .max(2_000_000_000)
        .default(1_000_000_000)
        .describe("Largest size of the encrypted file, in bytes."),
    })
    .describe("The model."),
  Images: z
    .strictObject({
      Formats: z
        .array(z.enum(["plain", "encrypted", "jwe"]))
        .min(1)
        .default(["jwe"])
        .describe(
          "Formats of uploads that are accepted. `encrypted` is not authenticated: see SECURITY.md.",
        ),
      Keys: z
        .array(z.string())
        .min(1)
        .refine((ids) => new Set(ids).size === ids.length, "each name once")
        .optional()
        .describe(
          "IDs of the data owners' secrets for JWE uploads. Default, if Formats has jwe: the entry whose LocalPath is " +
            "/image.key.",
        ),
      LegacyKey: z
        .string()
        .optional()
        .describe(
          "ID of the secret of `.encrypted` uploads; never one of Keys. Default, if Formats has encrypted: the entry " +
            "whose LocalPath is /image.key.",
        ),
      MaxBytes: limit(1, 1_073_741_824, 20_971_520, "Largest size of one upload, in bytes."),
      MaxPixels: limit(1, 268_402_689, 50_000_000, "Width × height of one picture, in pixels."),
      MaxWidth: limit(1, 500_000, 32_768, "Width of one picture as its file holds it, in pixels."),
      MaxHeight: limit(
        1,
        500_000,
        32_768,
        "Height of one picture as its file holds it, in pixels.",
      ),
      MaxRowBytes: limit(
        1,
        268_435_456,
        524_288,
        "One decoded row, in bytes: width × channels × bytes of a sample.",
      ),
      MaxDecodeBytes: z
        .int()
        .min(67_108_864)
        .default(629_145_600)
        .describe("Memory for decoding one picture, computed from its header, in bytes."),
      MaxDecodeBytesInFlight: z
        .int()
        .min(67_108_864)
        .default(805_306_368)
        .describe(
          "Memory for all pictures decoded at one time, in bytes; at least MaxDecodeBytes. The difference is for small " +
            "pictures only.",
        ),
      MaxDecodes: limit(1, 64, 3, "Pictures decoded at one time."),
      DecodeTimeoutMs: z
        .int()
        .min(1000)
        .max(3_600_000)
        .multipleOf(1000)
        .default(15_000)
        .describe("Time for decoding one picture, in ms: whole seconds."),
    })
    .refine(
      ({ MaxDecodeBytes, MaxDecodeBytesInFlight }) => MaxDecodeBytesInFlight >= MaxDecodeBytes,
      {
        path: ["MaxDecodeBytesInFlight"],
        error: "at least Images.MaxDecodeBytes",
      },
    )
    .prefault({})
    .describe("Uploads: formats, keys, and limits."),
  Results: z
    .strictObject({
      Encrypt: z
        .enum(["match", "always", "never"])
        .default("match")
        .describe(
          "`match`: answers to JWE uploads are encrypted, those to `.encrypted` uploads where `Accept` asks. `always`: " +
            "both are. `never`: none is, so that whoever sends a captured JWE reads its labels.",
        ),
      Key: z
        .string()
        .optional()
        .describe(
          "ID of the JWE secret for encrypted answers to `.encrypted` uploads; never the LegacyKey. Absent: there are none.",
        ),
      MaxTop: limit(1, 100_000, 1000, "Largest `top` that a request may ask for."),
      Probabilities: z
        .enum(["all", "jwe", "none"])
        .default("all")
        .describe(
          "Answers with probabilities: all, those to JWE uploads, or none. The others have labels in order.",
        ),
    })
    .prefault({})
    .describe("Answers."),
  Limits: z
    .strictObject({
      MaxBatch: limit(1, 256, 8, "Pictures in one run of the model."),
      MaxBatchDelayMs: limit(0, 10_000, 0, "Time that a run waits for more pictures, in ms."),
      MaxQueue: limit(1, 100_000, 256, "Requests in each queue, for decoding and for the model."),
      MaxBytesInFlight: z
        .int()
        .min(1)
        .default(268_435_456)
        .describe("Bytes of all uploads in memory, counted as they arrive."),
      MaxLegacyUploads: limit(
        0,
        100_000,
        200,
        "Distinct `.encrypted` uploads from one address (IPv4, IPv6 /48) in LegacyPeriodMs. 0: any number.",
      ),
      LegacyPeriodMs: limit(1000, 86_400_000, 3_600_000, "Period of MaxLegacyUploads, in ms."),
      MaxBytesPerAddress: z
        .int()
        .min(1)
        .optional()
        .describe(
          "Bytes of uploads from one address (IPv4, IPv6 /64), at most MaxBytesInFlight. Default: three quarters of it.",
        ),
      MinBytesPerSecond: z
        .int()
        .min(0)
        .default(1024)
        .describe(
          "An upload that brings fewer bytes a second over UploadGraceMs is refused. 0: any rate.",
        ),
      UploadGraceMs: milliseconds(5000).describe("Period of MinBytesPerSecond, in ms."),
      MaxConnections: limit(1, 1_000_000, 4096, "Open connections."),
      MaxConnectionsPerAddress: z
        .int()
        .min(1)
        .optional()
        .describe(
          "Open connections of one address, at most MaxConnections. Default: three quarters of it.",
        ),
      HeaderTimeoutMs: milliseconds(5000).describe("Time for the head of a request, in ms."),
      RequestTimeoutMs: milliseconds(30_000).describe(
        "Time from the end of a request's head to the end of its answer, in ms.",
      ),
      RunTimeoutMs: milliseconds(10_000).describe(
        "Time for one run of the model, in ms. A longer run ends the server, because nothing can stop it.",
      ),
    })
    .prefault({})
    .describe("Limits on requests, connections and runs of the model."),
});

type Inference = z.infer<typeof inference>;

/** One client's share is no more than the whole. */
function checkShares({ Limits: limits }: Inference, context: z.RefinementCtx): void {
  for (const [share, whole] of [
    ["MaxBytesPerAddress", "MaxBytesInFlight"],
    ["MaxConnectionsPerAddress", "MaxConnections"],
  ] as const) {
    const most = limits[whole];
    if ((limits[share] ?? 0) <= most) continue;
    const message = `at most ${most}, which is Limits.${whole}`;
    context.addIssue({ code: "custom", path: ["Limits", share], message });
  }
}

/**
 * Environment variables of the TEE. By MYST_TARGET the server knows where it runs (platform.ts), and so which rules
 * hold: Mystikos alone sets its own.
 */
const variableNames = z
  .array(
    z
      .string()
      .refine(
        (text) => !text.startsWith("MYST_"),
        "a variable whose name does not start with MYST_",
      ),
  )
  .optional();

/**
 * config.json: Mystikos' file with a section of ours, which is all known here. Mystikos' other keys pass unread, but
 * for an enclave (enclave.ts).
 */
export const configSchema = z.looseObject({
  EnvironmentVariables: variableNames.describe(
    "Mystikos' own: variables of the TEE, as NAME=VALUE. No name starts with MYST_; under SGX an allow-list holds.",
  ),
  HostEnvironmentVariables: variableNames.describe(
    "Mystikos' own: variables that the TEE takes from the host, by name. The same rules hold.",
  ),
  MaxAffinityCPUs: z
    .int()
    .min(0)
    .optional()
    .describe("Mystikos' own: processors that the TEE's threads may use. 0 or absent: all."),
  Secret: z.array(secret).min(1).describe("The owners' keys, in Mystikos' own section."),
  Inference: inference.superRefine(checkShares).describe("Everything that only confml reads."),
});

export type Config = z.infer<typeof configSchema>;
export type SecretEntry = Config["Secret"][number];
export type TrustConfig = NonNullable<Config["Inference"]["Trust"]>;
