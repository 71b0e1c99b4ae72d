import type { KeyVaultKey } from "@azure/keyvault-keys";
import { warnings } from "../policy/warnings.js";
import { createKeyFile, readKeyFile } from "./key-file.js";
import { twinWarnings } from "./twins.js";
import { describeNewKey } from "./keygen.js";
import { readImportOptions, type ImportOptions } from "./options.js";
import { printLines, warn } from "../io/streams.js";
import { CommandError } from "../usage.js";
import { openVault, type OwnersVault } from "./vault.js";

/** `confml key create`: creates a key file and imports it into a vault. @throws UsageError, CommandError */
export async function createKeyCommand(
  argv: string[],
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const options = await readImportOptions(argv);
  const vault = await openVault(options.vault, environment);
  const { keyFile } = options;
  const bytes = await createKeyFile(keyFile);
  try {
    await importKey(vault, options, bytes, [describeNewKey(keyFile)]);
    return 0;
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause;
    const again = `confml key import ${argv.map(shellWord).join(" ")}`;
    const hints = [...cause.hints, `${keyFile} holds the new key; to go on with it: ${again}`];
    throw new CommandError(cause.message, hints, { cause });
  } finally {
    bytes.fill(0);
    vault.close();
  }
}

/** `confml key import`: imports a key file into a vault. @throws UsageError, CommandError */
export async function importKeyCommand(
  argv: string[],
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const options = await readImportOptions(argv);
  const vault = await openVault(options.vault, environment);
  const bytes = await readKeyFile(options.keyFile);
  try {
    await importKey(vault, options, bytes, []);
    return 0;
  } finally {
    bytes.fill(0);
    vault.close();
  }
}

async function importKey(
  vault: OwnersVault,
  options: ImportOptions,
  bytes: Uint8Array,
  before: readonly string[],
): Promise<void> {
  const { name, policy, policyJson } = options;
  warn(warnings(policy));
  const previous = await vault.find(name);
  const imported = await vault.import(name, bytes, policyJson);
  await printLines([...before, ...describeImport(imported, previous, options, vault.url)]);
  // The comparison may be slow, so it follows the import.
  warn(await twinWarnings(vault, name, bytes));
}

function describeImport(
  imported: KeyVaultKey,
  previous: KeyVaultKey | undefined,
  { name, keyFile }: ImportOptions,
  vaultUrl: string,
): string[] {
  const kid = keyIdOf(imported);
  const encrypt = `confml encrypt --key ${shellWord(keyFile)} --kid ${kid} PICTURE`;
  const next = [
    `next: encrypt pictures with ${encrypt}`,
    `      the server's config.json names this key by "ID": "${name}", "SrsAddress": "${vaultUrl}"`,
  ];
  if (previous === undefined) return ["imported as a new key", `kid: ${kid}`, ...next];
  const old = keyIdOf(previous);
  return [
    `imported as a new version of ${name}: this is a rotation, from ${old}`,
    `kid: ${kid}`,
    ...next,
    `      servers fetch the new version at their next Release.RefreshMs, and open pictures made`,
    `      under ${old} for Release.GraceMs more`,
    `      if it is a model's key, encrypt the model again and start its servers with the new file`,
  ];
}

/** `NAME/VERSION`, which the `kid` of a JWE may be. */
function keyIdOf({ name, properties }: KeyVaultKey): string {
  return properties.version === undefined ? name : `${name}/${properties.version}`;
}

/** Quotes a word for a shell. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/u.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
