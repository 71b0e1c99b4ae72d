import { z } from "zod";
import { describeIssue, type IssueText } from "../zod-issues.js";

/** The variables that the host may set (SECURITY.md): no value of them weakens a check. */
const hostVariables = ["CLIENT_ID", "CLIENT_SECRET", "APP_ID", "MHSM_AAD_URL"];

/**
 * The variables that config.json sets inside the enclave, as NAME=VALUE. Any other may change what Node, OpenSSL or the C
 * library does. Without the first, Express writes stack traces into answers; without the second, Node does not start
 * (appdir/shim).
 */
const variables = ["NODE_ENV=production", "LD_PRELOAD=/lib/libconfml-shim.so"];

/**
 * The permitted options of Node: most others trace, inspect, load code or write keys to files. The server compares the
 * options of its own process with the same list (process/launch.ts).
 */
export const nodeOptions: readonly string[] = [
  "--disable-wasm-trap-handler",
  "--wasm-max-mem-pages=256",
];
const script = "/app/dist/main.js";
/** The file that `make package` compares with the one that Mystikos reads. */
const configFile = "/app/config.json";
const scriptOptions = [[], ["--config", configFile], [`--config=${configFile}`]];

/**
 * Paths of key files. A key's owner chooses its 32 bytes, and no measurement covers them: at the path of a script or a
 * library they would run as code of the enclave. No program loads a file whose name ends in .key as code.
 */
const keyPath = /^(?:\/[A-Za-z0-9_-]+)*\/[A-Za-z0-9_-][A-Za-z0-9._-]*\.key$/u;

const takeOut = "Take it out";

function only(value: string | number | boolean, because = ""): z.ZodType {
  const error = JSON.stringify(value) + (because === "" ? "" : `: ${because}`);
  return z.unknown().refine((given) => given === value, { error });
}

/** An array of some of these names, each at most once. */
function listOf(names: readonly string[], because: string): z.ZodType {
  return z.array(z.unknown()).superRefine((given, context) => {
    for (const [index, value] of given.entries()) {
      const isKnown = names.some((name) => name === value) && given.indexOf(value) === index;
      if (isKnown) continue;
      const message = `${quoted(names)}, each once at most (${because})`;
      context.addIssue({ code: "custom", path: [index], message, params: { fix: takeOut } });
    }
  });
}

const environment = listOf(
  variables,
  "others change what Node and its libraries do, before the server runs",
).refine((given) => Array.isArray(given) && variables.every((one) => given.includes(one)), {
  error: `both ${variables.join(" and ")}`,
});

const parameters = z.array(z.unknown()).superRefine((given, context) => {
  const refuse = (index: number, message: string, fix: string): void => {
    context.addIssue({ code: "custom", path: [index], message, params: { fix } });
  };
  const at = given.indexOf(script);
  for (const [index, option] of given.slice(0, at < 0 ? given.length : at).entries()) {
    const isKnown = nodeOptions.some((known) => known === option);
    if (isKnown && given.indexOf(option) === index) continue;
    const message = `${quoted(nodeOptions)}, each once at most, then ${JSON.stringify(script)}`;
    refuse(
      index,
      `${message} (other options of Node trace, inspect, load code or write keys)`,
      takeOut,
    );
  }
  if (at < 0) {
    refuse(given.length, JSON.stringify(script), "Add it");
    return;
  }
  const rest = given.slice(at + 1);
  if (scriptOptions.some((known) => JSON.stringify(known) === JSON.stringify(rest))) return;
  const message = `after ${script} nothing, or ${quoted(["--config", configFile])}`;
  refuse(at + 1, `${message}, the file that is compared when the package is made`, "Correct it");
});

/**
 * config.json of an enclave, as Mystikos reads it: an allow-list of its keys and of their values. An unlisted key is
 * refused even if Mystikos ignores it, because another version of Mystikos may not.
 */
const enclaveSchema = z.strictObject({
  version: only("0.1"),
  Debug: z.unknown().refine((given) => given === 0 || given === false, {
    error: "0: the machine's owner can read the memory of a debug enclave",
  }),
  ProductID: z.int().min(0).max(65_535),
  SecurityVersion: z.int().min(0).max(65_535),
  MemorySize: z.string().regex(/^[1-9]\d{0,11}[kmg]?$/u, { error: 'a size such as "2112m"' }),
  MaxAffinityCPUs: z.int().min(0).optional(),
  UnhandledSyscallEnosys: only(true, "otherwise Mystikos ends where Node asks for capget"),
  CurrentWorkingDirectory: only("/app"),
  ApplicationPath: only("/usr/bin/node", "the program that this repository packs"),
  ApplicationParameters: parameters,
  HostApplicationParameters: only(
    false,
    "the host must not say how the server is started",
  ).optional(),
  EnvironmentVariables: environment,
  HostEnvironmentVariables: listOf(
    hostVariables,
    "the host is hostile, and others change what Node and its libraries do",
  ).optional(),
  Secret: z.array(
    z.looseObject({
      LocalPath: z.string().regex(keyPath, {
        error: 'the path of a key file such as "/model.key", with .key at its end and no .. in it',
      }),
    }),
  ),
  Inference: z.looseObject({
    Trust: z
      .unknown()
      .refine((given) => given === undefined, {
        error: "none: it is how stand-ins of Azure are reached",
        params: { fix: takeOut },
      })
      .optional(),
    Attestation: z.looseObject({ Evidence: only("sgx") }),
  }),
});

export interface EnclaveCheck {
  /** One entry for each violation; empty for an acceptable configuration. */
  problems: IssueText[];
  /** Product ID and security version of the enclave; undefined if there are problems. */
  settings: { productId: number; securityVersion: number } | undefined;
}

/**
 * Checks a configuration against the rules for enclaves. Two callers refuse a configuration that fails: `make package`,
 * and the server under SGX, so that the rules also hold for a package that another tool made.
 *
 * @param json what `loadConfig` accepts
 */
export function checkForEnclave(json: unknown): EnclaveCheck {
  const parsed = enclaveSchema.safeParse(json);
  if (parsed.success) {
    const { ProductID: productId, SecurityVersion: securityVersion } = parsed.data;
    return { problems: [], settings: { productId, securityVersion } };
  }
  const problems = parsed.error.issues
    .flatMap(perKey)
    .map((issue) => describeIssue(issue, json, enclaveSchema));
  return { problems, settings: undefined };
}

/** One issue for each unknown key, where zod has one for all. */
function perKey(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== "unrecognized_keys") return [issue];
  return issue.keys.map((key) => ({ ...issue, keys: [key] }));
}

function quoted(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(", ");
}
