import { parseOptions } from "../options.js";
import { UsageError } from "../usage.js";
import type { OutputForm } from "./results.js";

/** What `confml classify` is told. */
export interface ClassifyCommandOptions {
  url: string;
  paths: readonly string[];
  keyFile: string | undefined;
  kid: string | undefined;
  policyFile: string | undefined;
  collateral: string;
  emulatedRoot: string | undefined;
  plain: boolean;
  /** With a policy over https://, the connection is compared with the attested key; else certificates are checked as usual. */
  connects: "pinned" | "usual";
  top: number | undefined;
  receipts: boolean;
  jobs: number;
  retrySeconds: number;
  form: OutputForm;
}

/** @throws UsageError, above all for what would send pictures in the clear by mistake */
export function readClassifyOptions(argv: string[]): ClassifyCommandOptions {
  const { values, positionals } = parseOptions(argv, {
    key: { type: "string", short: "k" },
    kid: { type: "string" },
    policy: { type: "string" },
    collateral: { type: "string", default: "server" },
    "allow-emulated": { type: "string" },
    plain: { type: "boolean", default: false },
    "no-tls": { type: "boolean", default: false },
    top: { type: "string" },
    receipts: { type: "boolean", default: false },
    jobs: { type: "string", short: "j", default: "4" },
    "retry-for": { type: "string", default: "60" },
    json: { type: "boolean", default: false },
    csv: { type: "boolean", default: false },
  });
  const [url, ...paths] = positionals;
  if (url === undefined || paths.length === 0)
    throw new UsageError("give URL and one FILE, or several");
  if (!URL.canParse(url) || !/^https?:$/u.test(new URL(url).protocol)) {
    throw new UsageError("URL wants the server's address, such as https://server.example:8443");
  }
  if ((values.key === undefined) !== (values.kid === undefined)) {
    throw new UsageError("give --key and --kid together");
  }
  const isProtected = values.key !== undefined || values.policy !== undefined;
  if (isProtected === values.plain) {
    throw new UsageError(
      "give --policy, or --key with --kid, or both; or --plain, which shows the pictures to the host",
    );
  }
  if (values.receipts && values.policy === undefined) {
    throw new UsageError(
      "--receipts needs --policy: a receipt is verified with the server's proof",
    );
  }
  const isSecure = new URL(url).protocol === "https:";
  if (values.policy !== undefined && !isSecure && !values["no-tls"]) {
    throw new UsageError(
      "over http:// nothing proves that the connection ends in the server; give --no-tls where the encryption of the pictures is enough",
    );
  }
  if (values.json && values.csv) throw new UsageError("give --json or --csv");
  return {
    ...{
      url,
      paths,
      plain: values.plain,
      collateral: values.collateral,
      receipts: values.receipts,
    },
    ...{ keyFile: values.key, kid: values.kid, policyFile: values.policy },
    emulatedRoot: values["allow-emulated"],
    connects: values.policy !== undefined && isSecure ? "pinned" : "usual",
    top: values.top === undefined ? undefined : readNumber(values.top, "top", 1, 100_000),
    jobs: readNumber(values.jobs, "jobs", 1, 64),
    retrySeconds: readNumber(values["retry-for"], "retry-for", 0, 86_400),
    form: values.json ? "json" : values.csv ? "csv" : "table",
  };
}

function readNumber(text: string, name: string, least: number, most: number): number {
  const number = /^\d{1,6}$/u.test(text) ? Number(text) : -1;
  if (number >= least && number <= most) return number;
  throw new UsageError(`--${name} wants a whole number from ${least} to ${most}`);
}
