import { randomBytes } from "node:crypto";
import { aesKeyBytes } from "../../src/crypto/aes-key.js";
import { readHead } from "../io/input.js";
import { AlreadyThere } from "../io/output-failure.js";
import { writeNewFiles } from "../io/output.js";
import { warn } from "../io/streams.js";
import { codeOf } from "../io/system-error.js";
import { CommandError } from "../usage.js";

/**
 * Reads a key file. Warns if other users may read or write it.
 *
 * @returns 32 bytes, which the caller must overwrite after use
 * @throws CommandError; UsageError, which does not repeat the argument, if that looks like a key instead of a path
 */
export async function readKeyFile(file: string): Promise<Buffer> {
  const { content, status } = await readHead(file, "--key", aesKeyBytes).catch((error: unknown) => {
    throw withHint(error);
  });
  if (content.length !== aesKeyBytes) {
    content.fill(0);
    const got = status?.isFile() === true ? status.size : content.length;
    const orMore = status?.isFile() !== true && got > aesKeyBytes ? " or more" : "";
    throw new CommandError(`${file}: expected a key of ${aesKeyBytes} bytes; got ${got}${orMore}`, [
      "the file holds the bytes themselves, not hex or base64; confml keygen makes a key",
    ]);
  }
  if (status?.isFile() === true && (status.mode & 0o077) !== 0) {
    const mode = (status.mode & 0o777).toString(8).padStart(4, "0");
    warn([`${file}: others of this machine may use the key (mode ${mode}): chmod 600 is enough`]);
  }
  return content;
}

/** Adds to the error of a file that does not exist how a key is made. */
function withHint(error: unknown): unknown {
  if (!(error instanceof CommandError) || codeOf(error.cause) !== "ENOENT") return error;
  const hints = ["confml keygen FILE makes a new key; what is encrypted needs the key it had"];
  return new CommandError(error.message, hints, { cause: error });
}

const existingKeyHints = [
  "give another name, or use confml key import for the key that it holds",
  "nothing replaces a key: what is encrypted under one that is lost can never be read again",
];

/**
 * Creates a key in a new file that only its owner may read. The file is flushed to the disk before this returns, because
 * data encrypted under a key that a power failure destroyed could not be read again.
 *
 * @returns 32 bytes, which the caller must overwrite after use
 * @throws CommandError if the file exists: a key is never replaced
 */
export async function createKeyFile(file: string): Promise<Buffer> {
  const content = randomBytes(aesKeyBytes);
  try {
    await writeNewFiles([{ file, content, isSecret: true }], { inputs: [], force: false });
    return content;
  } catch (error) {
    content.fill(0);
    if (!(error instanceof AlreadyThere)) throw error;
    throw new CommandError(error.message, existingKeyHints, { cause: error });
  }
}
