import { openJwe, sealJwe } from "../crypto/jwe.js";
import { encryptLegacy } from "../crypto/openssl-cbc.js";
import { readKeyFile } from "./key-file.js";
import { only, parseOptions, required } from "./options.js";
import { readInput, standardStream, warn, writeOutput } from "./streams.js";
import { UsageError } from "./usage.js";

const options = {
  key: { type: "string", short: "k" },
  kid: { type: "string" },
  legacy: { type: "boolean", default: false },
  output: { type: "string", short: "o" },
} as const;

const legacyWarning =
  "nothing authenticates an .encrypted file: as a picture, whoever holds it and may upload to the server recovers it " +
  "whole from the answers to altered copies. Without --legacy, and with --kid ID, you get a JWE, which has no such leak";

/** `confml encrypt` */
export async function encryptCommand(argv: string[]): Promise<number> {
  const { values, positionals } = parseOptions(argv, options);
  const { kid, legacy, output } = values;
  const file = only(positionals, "FILE");
  const keyFile = required(values.key, "key");
  if (legacy === (kid !== undefined)) throw new UsageError("give either --kid or --legacy");
  if (file === standardStream && output === undefined) {
    throw new UsageError("standard input needs an output: -o FILE, or -o - for standard output");
  }
  if (legacy) warn([legacyWarning]);
  const key = await readKeyFile(keyFile);
  const picture = await readInput(file);
  const encrypted =
    kid === undefined ? encryptLegacy(key, picture) : await sealJwe(key, picture, { kid });
  await writeOutput(output ?? `${file}.${legacy ? "encrypted" : "jwe"}`, encrypted);
  return 0;
}

/** `confml decrypt` */
export async function decryptCommand(argv: string[]): Promise<number> {
  const { values, positionals } = parseOptions(argv, options);
  const keyFile = required(values.key, "key");
  if (values.legacy || values.kid !== undefined) {
    throw new UsageError("--legacy and --kid belong to encrypt");
  }
  const file = only(positionals.length === 0 ? [standardStream] : positionals, "FILE");
  const key = await readKeyFile(keyFile);
  const token = (await readInput(file)).toString("latin1").trim();
  const opened = await openJwe(Buffer.from(token), key);
  if (opened === undefined) {
    throw new Error(`${file}: not a JWE under this key (A256KW or dir, A256GCM), or altered`);
  }
  await writeOutput(values.output ?? standardStream, opened);
  return 0;
}
