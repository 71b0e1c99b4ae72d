import { claimNames } from "../../client/policy/server-claims.js";
import { parseClientPolicy } from "../../client/policy/client-policy.js";
import { quote } from "../../client/policy/wording.js";
import { writeOutput } from "../io/output.js";
import { standardStream, warn } from "../io/streams.js";
import { parseOptions } from "../options.js";
import { UsageError } from "../usage.js";
import { codeConditions } from "./build.js";
import { codeOptions, readTrustedCode } from "./options.js";

const statuses = [
  "UpToDate",
  "SWHardeningNeeded",
  "ConfigurationNeeded",
  "ConfigurationAndSWHardeningNeeded",
  "OutOfDate",
  "OutOfDateConfigurationNeeded",
];

/** `confml policy client` */
export async function clientPolicyCommand(argv: string[]): Promise<number> {
  const { values, positionals } = parseOptions(argv, {
    ...codeOptions,
    "model-sha256": { type: "string" },
    "config-sha256": { type: "string" },
    "tcb-status": { type: "string", multiple: true },
    advisory: { type: "string", multiple: true },
    "max-age": { type: "string" },
    output: { type: "string", short: "o" },
    force: { type: "boolean", short: "f", default: false },
  });
  const [word] = positionals;
  if (word !== undefined) throw new UsageError(`${quote(word)} is no option of policy client`);
  const { advisory: advisories, "max-age": maxAge } = values;
  const equals = (claim: string, value: string | undefined): object[] =>
    value === undefined ? [] : [{ claim, equals: value }];
  const conditions = [
    ...equals(claimNames.modelSha256, sha256(values["model-sha256"], "model-sha256")),
    ...equals(claimNames.configSha256, sha256(values["config-sha256"], "config-sha256")),
    ...statusCondition(values["tcb-status"]),
    ...(advisories === undefined
      ? []
      : [{ claim: claimNames.tcbAdvisories, subsetOf: advisories.map(advisoryId) }]),
    ...(maxAge === undefined ? [] : [{ claim: claimNames.maxAge, lessOrEquals: seconds(maxAge) }]),
  ];
  const isDebugAllowed = values["allow-debug"] === true;
  const code = codeConditions(readTrustedCode(values), isDebugAllowed);
  const anyOf = code.map((branch) => ({
    allOf: [
      ...branch,
      ...(isDebugAllowed ? [{ claim: claimNames.isDebuggable, exists: true }] : []),
      ...conditions,
    ],
  }));
  const json = `${JSON.stringify({ version: "1.0.0", anyOf }, null, 2)}\n`;
  parseClientPolicy(json);
  const file = values.output ?? standardStream;
  await writeOutput({ file, content: json, isSecret: false }, { inputs: [], force: values.force });
  warn([
    ...(values["trust-signer"] === true
      ? ["whatever this signer signs gets your pictures: name the code with --mrenclave"]
      : []),
    ...(isDebugAllowed ? ["the machine's owner reads the memory of a debug enclave"] : []),
  ]);
  return 0;
}

/** One status, or any of several: Intel's names. */
function statusCondition(names: string[] | undefined): object[] {
  if (names === undefined) return [];
  const conditions = names.map((name) => {
    if (statuses.includes(name)) return { claim: claimNames.tcbStatus, equals: name };
    throw new UsageError(`--tcb-status wants one of ${statuses.join(", ")}`);
  });
  return conditions.length === 1 ? conditions : [{ anyOf: conditions }];
}

function sha256(text: string | undefined, name: string): string | undefined {
  if (text === undefined || /^[0-9a-f]{64}$/iu.test(text)) return text?.toLowerCase();
  throw new UsageError(`--${name} wants 64 hex digits`);
}

function advisoryId(text: string): string {
  if (/^INTEL-SA-\d{5}$/u.test(text)) return text;
  throw new UsageError("--advisory wants an advisory of Intel's, such as INTEL-SA-00615");
}

function seconds(text: string): number {
  if (/^[1-9]\d{0,8}$/u.test(text)) return Number(text);
  throw new UsageError("--max-age wants a number of seconds");
}
