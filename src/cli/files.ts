import { z } from "zod";
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

const answerSchema = z.object({ image: z.object({ authenticated: z.boolean().optional() }) });
const legacyWarning =
  "nothing authenticates an .encrypted file: as a picture, whoever holds it and may upload to the server recovers it " +
  "whole from the answers to altered copies. A JWE has no such leak: --kid ID in place of --legacy, with a key of its own";
const unauthenticatedWarning =
  "this answers an .encrypted upload, which nothing authenticates: anybody may have sent it, or altered what you sent";

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

/** Whether a server's answer says that its upload was not authenticated. */
function isUnauthenticated(answer: Uint8Array): boolean {
  try {
    const parsed = answerSchema.safeParse(JSON.parse(new TextDecoder().decode(answer)));
    return parsed.success && parsed.data.image.authenticated === false;
  } catch {
    // Not an answer: any JWE can be decrypted.
    return false;
  }
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
  if (isUnauthenticated(opened)) warn([unauthenticatedWarning]);
  await writeOutput(values.output ?? standardStream, opened);
  return 0;
}
