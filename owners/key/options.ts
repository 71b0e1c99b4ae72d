import { buildPolicy } from "../policy/build.js";
import { parsePolicy, type ReleasePolicy } from "../policy/grammar.js";
import { trustOf } from "../policy/warnings.js";
import { only, parseOptions, required } from "../options.js";
import { readPolicyFile, type PolicyFile } from "../policy/policy-file.js";
import { policyOptions, readPolicyOptions, type PolicyValues } from "../policy/options.js";
import { UsageError } from "../usage.js";
import { vaultOptions, type VaultValues } from "./vault.js";
import { keyNamePattern } from "../../src/config/service-names.js";

/** What `confml key create` and `confml key import` are told. */
export interface ImportOptions {
  name: string;
  keyFile: string;
  /** The release policy as it goes to the vault. */
  policyJson: string;
  policy: ReleasePolicy;
  vault: VaultValues;
}

/**
 * Reads the options of `confml key create` and `confml key import`.
 *
 * @throws UsageError; Error if the policy file holds no release policy
 */
export async function readImportOptions(argv: string[]): Promise<ImportOptions> {
  const { values, positionals } = parseOptions(argv, {
    ...vaultOptions,
    ...policyOptions,
    key: { type: "string", short: "k" },
    policy: { type: "string" },
  });
  const name = readKeyName(only(positionals, "NAME"));
  const keyFile = required(values.key, "key");
  required(values.vault, "vault");
  const given = values.policy === undefined ? undefined : await fromFile(values.policy, values);
  const { json, policy } = given ?? fromOptions(values);
  return { name, keyFile, policyJson: json, policy, vault: values };
}

/** The options by which an owner confirms a policy that trusts a signer or debug enclaves. */
const consents = ["trust-signer", "allow-debug"];

async function fromFile(file: string, values: PolicyValues): Promise<PolicyFile> {
  const names = Object.keys(policyOptions).filter((name) => !consents.includes(name));
  const other = Object.keys(values).find((option) => names.includes(option));
  if (other !== undefined) throw new UsageError(`give either --policy or --${other}`);
  const read = await readPolicyFile(file, "--policy");
  const trust = trustOf(read.policy);
  if (trust.inSigner && values["trust-signer"] !== true) {
    throw new UsageError(
      `${file} names no MRENCLAVE: whoever holds the signing key gets the key; if that is what you want, say --trust-signer`,
    );
  }
  if (!trust.isSignerBounded) {
    throw new UsageError(
      `${file} names no MRENCLAVE, and then has to name MRSIGNER, product id and minimum version`,
    );
  }
  if (trust.inDebugEnclaves && values["allow-debug"] !== true) {
    throw new UsageError(
      `${file} lets debug enclaves have the key, which the machine's owner can read; if that is what you want, say --allow-debug`,
    );
  }
  return read;
}

function fromOptions(values: PolicyValues): PolicyFile {
  const json = JSON.stringify(buildPolicy(readPolicyOptions(values)));
  return { json, policy: parsePolicy(json) };
}

/** @throws UsageError */
export function readKeyName(text: string): string {
  if (keyNamePattern.test(text)) return text;
  throw new UsageError("NAME is 1 to 127 letters, digits and hyphens");
}
