import { createHash } from "node:crypto";
import { sealJwe } from "../src/crypto/jwe.js";
import { encryptLegacy } from "../src/crypto/openssl-cbc.js";
import { maxModelBytes, readInput } from "./io/input.js";
import { describeEncryptedFile } from "./encrypted-file.js";
import { readKeyFile } from "./key/key-file.js";
import { looksLikeKey } from "./io/key-like.js";
import { parseOptions, required } from "./options.js";
import { writeOutput } from "./io/output.js";
import { findTarget } from "./io/output-target.js";
import { forEachFile } from "./report.js";
import { printErrors, printLines, standardStream, warn } from "./io/streams.js";
import { UsageError } from "./usage.js";

const options = {
  key: { type: "string", short: "k" },
  kid: { type: "string" },
  legacy: { type: "boolean", default: false },
  output: { type: "string", short: "o" },
  force: { type: "boolean", short: "f", default: false },
} as const;

/** 256 MiB. As base64url it is two thirds of the longest string that JavaScript has. */
const maxPlaintextBytes = 268_435_456;

const legacyWarning =
  "nothing authenticates an .encrypted file: as a picture, whoever holds it and may upload to the server recovers it " +
  "whole from the answers to altered copies. A JWE has no such leak: --kid ID in place of --legacy, with a key of its own";

/**
 * `confml encrypt`: encrypts files as JWE or, with --legacy, in the format of `openssl enc`.
 *
 * @throws UsageError, CommandError
 */
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
      // Checked before the file is read, which may be large.
      const target = findTarget(file, rules);
      const maxBytes = legacy ? maxModelBytes : maxPlaintextBytes;
      const plaintext = await readInput(input, "FILE", maxBytes);
      if (kid !== undefined) {
        const content = await sealJwe(key, plaintext, { kid });
        await writeOutput({ file, content, isSecret: false }, rules);
        return;
      }
      const content = encryptLegacy(key, plaintext);
      await writeOutput({ file, content, isSecret: false }, rules);
      const sha256 = createHash("sha256").update(content).digest("hex");
      const lines = describeEncryptedFile({ input, head: plaintext, file, sha256 });
      // The file itself may be on standard output.
      if (target.kind === "file") await printLines(lines);
      else printErrors(lines.slice(1));
    });
  } finally {
    key.fill(0);
  }
}
