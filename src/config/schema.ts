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
const milliseconds = (fallback: number) => z.int().min(1).max(86_400_000).default(fallback);

/** Mystikos' own `Secret` section (its struct is in Mystikos' `config.h`), and two keys of ours. */
const secret = z.strictObject({
  /** The key's name in its vault. */
  ID: z.string().regex(/^[0-9A-Za-z-]{1,127}$/u, {
    error: "a key's name: 1 to 127 letters, digits and hyphens",
  }),
  /** The vault. */
  SrsAddress: httpsOrigin,
  SrsApiVersion: z
    .string()
    .regex(/^[0-9A-Za-z.-]+$/u, { error: "an API version such as 7.3-preview" })
    .optional(),
  /** Where the released key is written. */
  LocalPath: z
    .string()
    .startsWith("/", { error: "an absolute path" })
    .refine((file) => !file.endsWith("/"), "the path of a file, without a slash at its end")
    // A key file is written under this name first.
    .refine((file) => !file.endsWith(".confml-new"), "a name that does not end in .confml-new"),
  /** `mhsm`, the built-in client, or the name of a native library. */
  ClientLib: z.string().regex(/^(?:mhsm|[^/]+\.so|\/.+\.so)$/u, {
    error: '"mhsm", or a native library: a file name or an absolute path ending in .so',
  }),
  /** Mystikos rejects 0. */
  Verbose: z.int().min(1).optional(),
  /** Ours: the Azure AD tenant of an owner elsewhere. Default: APP_ID. */
  Tenant: z
    .string()
    .regex(/^[0-9A-Za-z](?:[0-9A-Za-z.-]{0,253}[0-9A-Za-z])?$/u, {
      error: "a tenant's id or domain",
    })
    .optional(),
  /** Ours: the attestation service that this owner trusts. Default: Attestation.Endpoint. */
  AttestationEndpoint: httpsOrigin.optional(),
});

/**
 * Reaches stand-ins of Azure's services; absent in production. It changes where connections go and
 * whom TLS trusts, nothing else: every check stays on.
 */
const trust = z.strictObject({
  /** PEM certificates that replace the built-in ones. */
  CaFile: path,
  /** Azure AD's address, where it is not the public one. */
  Authority: httpsOrigin.optional(),
  /** `host:port` that is dialled in place of every host. */
  Connect: z
    .string()
    .regex(/^.+:\d{1,5}$/u, { error: "host:port" })
    .refine(
      (text) => Number(text.slice(text.lastIndexOf(":") + 1)) <= 65_535,
      "a port up to 65535",
    ),
});

const inference = z.strictObject({
  Listen: z.strictObject({
    Host: z.string().min(1).default("0.0.0.0"),
    /** 0 lets the system choose; the log says which. */
    Port: z.int().min(0).max(65_535).default(8000),
  }),
  Attestation: z.strictObject({
    Endpoint: httpsOrigin,
    /** `sgx`, or the path of a provider module. */
    Evidence: z.string().regex(/^sgx$|^\/./u, {
      error: '"sgx", or the absolute path of a provider module',
    }),
    /** Handed to the provider module as it is. */
    EvidenceOptions: z.record(z.string(), z.unknown()).optional(),
  }),
  Trust: trust.optional(),
  /** Absent: no metrics. */
  Metrics: z
    .strictObject({
      Host: z.string().min(1).default("0.0.0.0"),
      /** 0 lets the system choose; the log says which. */
      Port: z.int().min(0).max(65_535).default(9464),
    })
    .optional(),
  Release: z
    .strictObject({
      /** For all keys together. */
      DeadlineMs: milliseconds(120_000),
      /** How often the data owners' keys are fetched again; 0: never. */
      RefreshMs: z
        .int()
        .refine((value) => value === 0 || (value >= 100 && value <= longestTimerMs), {
          error: `0 (never), or 100 to ${longestTimerMs}`,
        })
        .default(0),
      /** How long a key that was replaced goes on to open images. */
      GraceMs: z.int().min(0).max(longestTimerMs).default(86_400_000),
      /** How long one request to Azure may wait for its answer. */
      AttemptTimeoutMs: milliseconds(20_000),
      /** How a vault wraps the key that it releases. */
      Wrapping: z
        .enum(["RSA_AES_KEY_WRAP_256", "RSA_AES_KEY_WRAP_384", "CKM_RSA_AES_KEY_WRAP"])
        .default("RSA_AES_KEY_WRAP_256"),
    })
    .prefault({}),
  Model: z.strictObject({
    Url: httpsUrl,
    /** Of the encrypted file. */
    Sha256: z.string().regex(/^[0-9a-fA-F]{64}$/u, {
      error: "the encrypted file's SHA-256, 64 hex digits",
    }),
    Manifest: path,
    /** The ID of the secret that decrypts it. Default: the entry whose LocalPath is /model.key. */
    Key: z.string().optional(),
    /** What the decrypted file is: ONNX, or ONNX Runtime's own format (`confml model optimize`). */
    Format: z.enum(["onnx", "ort"]).default("onnx"),
    /** `packed`: copied into the order that is fastest. `in-place`: as they lie in the file, half the memory. */
    Weights: z.enum(["packed", "in-place"]).default("packed"),
    /** Of the download. */
    DeadlineMs: milliseconds(600_000),
    /** From the decrypted model to the end of its try-out. */
    LoadTimeoutMs: milliseconds(120_000),
    /** A longer download is broken off. */
    MaxBytes: z.int().min(1).max(2_000_000_000).default(1_000_000_000),
  }),
  Images: z
    .strictObject({
      /**
       * What uploads are read. What does not authenticate (`encrypted`), or is not encrypted at all (`plain`), is asked
       * for by name.
       */
      Formats: z
        .array(z.enum(["plain", "encrypted", "jwe"]))
        .min(1)
        .default(["jwe"]),
      /**
       * IDs of the data owners' secrets for JWE uploads. Default, where Formats names jwe: the entry whose LocalPath is
       * /image.key.
       */
      Keys: z
        .array(z.string())
        .min(1)
        .refine((ids) => new Set(ids).size === ids.length, "each name once")
        .optional(),
      /**
       * The secret of `.encrypted` uploads, which name no owner; never one of Keys. Default, where Formats names
       * encrypted: the entry whose LocalPath is /image.key.
       */
      LegacyKey: z.string().optional(),
      /** Of one upload. */
      MaxBytes: z.int().min(1).max(1_073_741_824).default(20_971_520),
      /** Of one picture: width × height. */
      MaxPixels: z.int().min(1).max(268_402_689).default(50_000_000),
      /** Of one picture, in pixels, as it lies in its file. */
      MaxWidth: z.int().min(1).max(500_000).default(32_768),
      MaxHeight: z.int().min(1).max(500_000).default(32_768),
      /** Of one decoded row: width × channels × bytes of a sample. */
      MaxRowBytes: z.int().min(1).max(268_435_456).default(524_288),
      /** Memory that decoding one picture may take, as computed from its header. */
      MaxDecodeBytes: z.int().min(67_108_864).default(629_145_600),
      /** Memory of all pictures decoded at one time; what is over MaxDecodeBytes is for small pictures alone. */
      MaxDecodeBytesInFlight: z.int().min(67_108_864).default(805_306_368),
      /** Pictures decoded at one time. */
      MaxDecodes: z.int().min(1).max(64).default(3),
      /** How long one picture may be decoded; libvips counts whole seconds. */
      DecodeTimeoutMs: z.int().min(1000).max(3_600_000).multipleOf(1000).default(15_000),
    })
    .refine(
      ({ MaxDecodeBytes, MaxDecodeBytesInFlight }) => MaxDecodeBytesInFlight >= MaxDecodeBytes,
      {
        path: ["MaxDecodeBytesInFlight"],
        error: "at least Images.MaxDecodeBytes",
      },
    )
    .prefault({}),
  Results: z
    .strictObject({
      Encrypt: z.enum(["match", "always", "never"]).default("match"),
      /**
       * The JWE secret under which answers to `.encrypted` uploads are encrypted, where `Accept` or `Encrypt` asks for
       * that; never the LegacyKey. Absent: no such answer is encrypted.
       */
      Key: z.string().optional(),
      /** The largest `top` that a request may ask for. */
      MaxTop: z.int().min(1).max(100_000).default(1000),
      /** Whose answers hold probabilities: everybody's, those of JWE uploads alone, or nobody's (labels in order). */
      Probabilities: z.enum(["all", "jwe", "none"]).default("all"),
    })
    .prefault({}),
  Limits: z
    .strictObject({
      /** Pictures in one run of the model. */
      MaxBatch: z.int().min(1).max(256).default(8),
      /** How long a run waits for more pictures; 0: it takes what is waiting. */
      MaxBatchDelayMs: z.int().min(0).max(10_000).default(0),
      /** Requests waiting to be decoded or classified. */
      MaxQueue: z.int().min(1).max(100_000).default(256),
      /** Of all uploads held in memory: what has arrived of them, not what they announce. */
      MaxBytesInFlight: z.int().min(1).default(268_435_456),
      /**
       * Distinct `.encrypted` uploads that one address may send in `LegacyPeriodMs`; 0: any number. It slows down
       * whoever recovers a captured file from the answers to altered ones.
       */
      MaxLegacyUploads: z.int().min(0).max(100_000).default(200),
      LegacyPeriodMs: z.int().min(1000).max(86_400_000).default(3_600_000),
      /** Of those from one address: IPv4, or an IPv6 /64. Default: three quarters of MaxBytesInFlight. */
      MaxBytesPerAddress: z.int().min(1).optional(),
      /** An upload that brings less over UploadGraceMs is refused. 0: any rate will do. */
      MinBytesPerSecond: z.int().min(0).default(1024),
      UploadGraceMs: milliseconds(5000),
      /** Open at one time. */
      MaxConnections: z.int().min(1).max(1_000_000).default(4096),
      /** Of one address. Default: three quarters of MaxConnections. */
      MaxConnectionsPerAddress: z.int().min(1).optional(),
      /** From a connection's first byte, or its opening, to the end of its request's head. */
      HeaderTimeoutMs: milliseconds(5000),
      /** From the end of a request's head to the end of its answer. */
      RequestTimeoutMs: milliseconds(30_000),
      /** Of one run of the model; nothing stops one that takes longer, so the server ends. */
      RunTimeoutMs: milliseconds(10_000),
    })
    .prefault({}),
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
  EnvironmentVariables: variableNames,
  HostEnvironmentVariables: variableNames,
  /** Mystikos': how many processors the TEE's threads may use; 0 or absent: all. */
  MaxAffinityCPUs: z.int().min(0).optional(),
  Secret: z.array(secret).min(1),
  Inference: inference.superRefine(checkShares),
});

export type Config = z.infer<typeof configSchema>;
export type SecretEntry = Config["Secret"][number];
export type TrustConfig = NonNullable<Config["Inference"]["Trust"]>;
