import type { KeyVaultKey } from "@azure/keyvault-keys";
import { describeCause } from "../../src/errors.js";
import { explainPolicy } from "../policy/explain.js";
import { parsePolicy } from "../policy/grammar.js";
import { warnings } from "../policy/warnings.js";
import { escapeInvisible, quote } from "../../client/policy/wording.js";
import { readKeyName } from "./options.js";
import { only, parseOptions } from "../options.js";
import { printLines } from "../io/streams.js";
import { CommandError } from "../usage.js";
import { openVault, vaultOptions } from "./vault.js";

/** A key as the vault describes it, with its policy's explanation: the JSON of `confml key show`. */
interface KeyReport {
  id: string;
  name: string;
  version: string;
  type: string;
  enabled: boolean;
  exportable: boolean;
  /** ISO 8601. */
  created: string;
  /** The parsed policy; its text if it is not JSON or not in the grammar; null if the key has no policy. */
  policy: unknown;
  /** The policy in sentences. */
  explanation: readonly string[];
  warnings: readonly string[];
}

/** `confml key show`: describes a key of a vault and its release policy. @throws UsageError, CommandError */
export async function showKeyCommand(
  argv: string[],
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const { values, positionals } = parseOptions(argv, {
    ...vaultOptions,
    json: { type: "boolean", default: false },
  });
  const [nameText = "", version, ...rest] = only(positionals, "NAME").split("/");
  const name = readKeyName(rest.length === 0 ? nameText : "");
  if (version !== undefined) readKeyName(version);
  const vault = await openVault(values, environment);
  try {
    const key = await vault.find(name, version);
    if (key === undefined) {
      const what = version === undefined ? name : `version ${version} of ${name}`;
      throw new CommandError(`there is no key ${what} in ${vault.url}`, [
        "check the name and --vault; confml key create makes a new key",
      ]);
    }
    const report = reportOn(key);
    await printLines(values.json ? [JSON.stringify(report, null, 2)] : describe(report));
    return 0;
  } finally {
    vault.close();
  }
}

function reportOn({ id = "", name, keyType = "", properties }: KeyVaultKey): KeyReport {
  const { version = "", enabled, exportable, createdOn, releasePolicy } = properties;
  return {
    id,
    name,
    version,
    type: keyType,
    enabled: enabled === true,
    exportable: exportable === true,
    created: createdOn?.toISOString() ?? "",
    ...reportOnPolicy(releasePolicy?.encodedPolicy),
  };
}

function reportOnPolicy(
  encoded: Uint8Array | undefined,
): Pick<KeyReport, "policy" | "explanation" | "warnings"> {
  if (encoded === undefined) {
    const explanation = ["The key has no release policy: the vault never releases it."];
    return { policy: null, explanation, warnings: [] };
  }
  const text = Buffer.from(encoded).toString("utf8");
  try {
    const policy = parsePolicy(text);
    const json: unknown = JSON.parse(text);
    return { policy: json, explanation: explainPolicy(policy), warnings: warnings(policy) };
  } catch (error) {
    const warning = `the policy cannot be explained, so trust it with nothing (${describeCause(error)})`;
    return {
      policy: text,
      explanation: [`Its release policy is ${quote(text)}`],
      warnings: [warning],
    };
  }
}

function describe(report: KeyReport): string[] {
  const yes = (is: boolean): string => (is ? "yes" : "no");
  return [
    `id:         ${escapeInvisible(report.id)}`,
    `version:    ${escapeInvisible(report.version)}`,
    `type:       ${escapeInvisible(report.type)}`,
    `enabled:    ${yes(report.enabled)}`,
    `exportable: ${yes(report.exportable)}`,
    `created:    ${report.created}`,
    ...report.explanation,
    ...report.warnings.map((warning) => `WARNING: ${warning}`),
  ];
}
