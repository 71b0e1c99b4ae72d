import { randomBytes } from "node:crypto";
import { aesKeyBytes } from "../../src/crypto/aes-key.js";
import { readHead } from "../io/input.js";
import { AlreadyThere } from "../io/output-failure.js";
import { writeNewFiles } from "../io/output.js";
import { warn } from "../io/streams.js";
import { CommandError } from "../usage.js";

/**
 * Reads the 32 bytes of a key. Warns of a file that others may read or write.
 *
 * @returns 32 bytes, the caller's to wipe
 * @throws CommandError; UsageError for what seems to be a key itself, and is not repeated then
 */
export async function readKeyFile(file: string): Promise<Buffer> {
  const { content, status } = await readHead(file, "--key", aesKeyBytes);
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

const existingKeyHints = [
  "give another name, or use confml key import for the key that it holds",
  "nothing replaces a key: what is encrypted under one that is lost can never be read again",
];

/**
 * Makes a key in a new file that only its owner may read, and that is on the disk when this returns:
 * what is encrypted under a key that a power cut took is lost.
 *
 * @returns 32 bytes, the caller's to wipe
 * @throws CommandError for a name that is taken: nothing replaces a key
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
