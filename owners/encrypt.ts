import { z } from "zod";
import { openJwe, sealJwe } from "../src/crypto/jwe.js";
import { encryptLegacy } from "../src/crypto/openssl-cbc.js";
import { maxModelBytes, nameOf, readInput } from "./io/input.js";
import { readKeyFile } from "./key/key-file.js";
import { looksLikeKey } from "./io/key-like.js";
import { only, parseOptions, required } from "./options.js";
import { writeOutput } from "./io/output.js";
import { findTarget } from "./io/output-target.js";
import { forEachFile } from "./report.js";
import { standardStream, warn } from "./io/streams.js";
import { CommandError, UsageError } from "./usage.js";

const options = {
  key: { type: "string", short: "k" },
  kid: { type: "string" },
  legacy: { type: "boolean", default: false },
  output: { type: "string", short: "o" },
  force: { type: "boolean", short: "f", default: false },
} as const;

/** As base64url it is two thirds of the longest string that JavaScript has. */
const maxPlaintextBytes = 268_435_456;
const maxJweBytes = 402_653_184;

const answerSchema = z.object({ image: z.object({ authenticated: z.boolean().optional() }) });
const legacyWarning =
  "nothing authenticates an .encrypted file: as a picture, whoever holds it and may upload to the server recovers it " +
  "whole from the answers to altered copies. A JWE has no such leak: --kid ID in place of --legacy, with a key of its own";
const unauthenticatedWarning =
  "this answers an .encrypted upload, which nothing authenticates: anybody may have sent it, or altered what you sent";

/** `confml encrypt` */
export async function encryptCommand(argv: string[]): Promise<number> {
  const { values, positionals: files } = parseOptions(argv, options);
  const { kid, legacy, output, force } = values;
  if (files.length === 0) throw new UsageError("give one FILE, or several");
  if (output !== undefined && files.length > 1) {
    throw new UsageError("--output is for one FILE; got several");
  }
  const keyFile = required(values.key, "key");
  if (legacy === (kid !== undefined)) throw new UsageError("give either --kid or --legacy");
  if (kid !== undefined && looksLikeKey(kid)) {
    throw new UsageError("--kid wants the secret's ID, which anybody can read; got a key");
  }
  if (files.includes(standardStream) && output === undefined) {
    throw new UsageError("standard input needs an output: -o FILE, or -o - for standard output");
  }
  if (legacy) warn([legacyWarning]);
  const key = await readKeyFile(keyFile);
  const rules = { inputs: [keyFile, ...files], force };
  try {
    return await forEachFile(files, "encrypt", async (input) => {
      const file = output ?? `${input}.${legacy ? "encrypted" : "jwe"}`;
      // Before a large file is read for nothing.
      findTarget(file, rules);
      const maxBytes = legacy ? maxModelBytes : maxPlaintextBytes;
      const plaintext = await readInput(input, "FILE", maxBytes);
      const content =
        kid === undefined ? encryptLegacy(key, plaintext) : await sealJwe(key, plaintext, { kid });
      await writeOutput({ file, content, isSecret: false }, rules);
    });
  } finally {
    key.fill(0);
  }
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
  const input = only(positionals.length === 0 ? [standardStream] : positionals, "FILE");
  const file = values.output ?? standardStream;
  const rules = { inputs: [keyFile, input], force: values.force };
  findTarget(file, rules);
  const key = await readKeyFile(keyFile);
  try {
    const token = (await readInput(input, "FILE", maxJweBytes)).toString("latin1").trim();
    const opened = await openJwe(Buffer.from(token), key);
    if (opened === undefined) {
      const message = `${nameOf(input)}: not a JWE under this key (A256KW or dir, A256GCM), or altered`;
      throw new CommandError(message, []);
    }
    if (isUnauthenticated(opened)) warn([unauthenticatedWarning]);
    await writeOutput({ file, content: opened, isSecret: true }, rules);
  } finally {
    key.fill(0);
  }
  return 0;
}
