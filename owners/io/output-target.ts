import { lstatSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { aesKeyBytes } from "../../src/crypto/aes-key.js";
import { findSameFile, statusOf } from "./file-identity.js";
import { looksLikeKey } from "./key-like.js";
import { AlreadyThere, writeFailure } from "./output-failure.js";
import { standardStream } from "./streams.js";
import { CommandError, UsageError } from "../usage.js";

export interface OutputRules {
  /** What the command reads, its key above all: no output replaces it. `-` is standard input. */
  inputs: readonly string[];
  /** Whether an output may replace a file, and bytes may go to a terminal. */
  force: boolean;
}

/** Where an output goes. */
export type OutputTarget =
  | { kind: "file" }
  /** A pipe, or a device such as /dev/null. */
  | { kind: "stream" }
  /** One that this process has open already. */
  | { kind: "descriptor"; descriptor: number };

const descriptorPath = /^(?:\/dev\/fd|\/proc\/self\/fd)\/(\d{1,6})$/u;
const descriptorNames = new Map([
  [standardStream, 1],
  ["/dev/stdout", 1],
  ["/dev/stderr", 2],
]);

/**
 * Says where an output goes, and refuses one that would take something away.
 *
 * A symbolic link to a file is refused, with `force` too. Following it would let whoever can make one in a shared
 * folder choose what is replaced; replacing it is not what its maker wants.
 *
 * @throws UsageError for an output that is an input, or a key; CommandError for one that cannot be
 */
export function findTarget(file: string, { inputs, force }: OutputRules): OutputTarget {
  const descriptor = descriptorNames.get(file) ?? descriptorOf(file);
  const status = statusOf(descriptor ?? file);
  const input = status?.isFile() === true ? findSameFile(status, inputs) : undefined;
  if (input !== undefined) {
    throw new UsageError(`${file} is what is read${input === file ? "" : `, as ${input}`}`);
  }
  if (descriptor !== undefined) return { kind: "descriptor", descriptor };
  if (status?.isFIFO() === true || status?.isCharacterDevice() === true) return { kind: "stream" };
  checkFolder(file);
  const own = ownStatus(file);
  if (own === undefined) {
    checkNew(file);
    return { kind: "file" };
  }
  if (own.isSymbolicLink()) {
    const hints = ["give the name of the file that it points to, or another"];
    throw new CommandError(`${file} is a symbolic link, which is not written through`, hints);
  }
  if (own.isDirectory()) {
    throw new CommandError(`${file} is a folder`, ["give the name of a file in it"]);
  }
  if (!own.isFile()) {
    throw new CommandError(`${file} is neither a file, nor a pipe, nor a terminal`, []);
  }
  if (!force) throw new AlreadyThere(file);
  if (own.size === aesKeyBytes) {
    const hints = ["give another name, or remove it yourself if it is no key"];
    const message = `${file} has ${aesKeyBytes} bytes, as keys have: no output replaces it, with --force neither`;
    throw new CommandError(message, hints);
  }
  return { kind: "file" };
}

function descriptorOf(file: string): number | undefined {
  const [, digits] = descriptorPath.exec(file) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** @returns undefined where there is nothing; of a symbolic link, its own status */
function ownStatus(file: string): Stats | undefined {
  try {
    return lstatSync(file, { throwIfNoEntry: false });
  } catch (cause) {
    throw writeFailure(file, cause);
  }
}

/** The folder is not named alone: of a key in base64, it is what stands before the last slash. */
function checkFolder(file: string): void {
  const status = statusOf(dirname(file));
  if (status?.isDirectory() === true) return;
  if (looksLikeKey(file)) throw keyAsOutput();
  if (status === undefined) {
    const hints = ["make the folder first (mkdir -p), or give another name"];
    throw new CommandError(`cannot write ${file}: its folder is not there`, hints);
  }
  throw new CommandError(`cannot write ${file}: what it lies in is no folder`, [
    "give another name",
  ]);
}

function keyAsOutput(): UsageError {
  return new UsageError("an output wants the name of a file, not a key");
}

function checkNew(file: string): void {
  if (looksLikeKey(file)) throw keyAsOutput();
  if (file.endsWith("/")) throw new CommandError(`${file} is no file`, ["give a file's name"]);
}
