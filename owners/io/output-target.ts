import { lstatSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { aesKeyBytes } from "../../src/crypto/aes-key.js";
import { findSameFile, statusOf } from "./file-identity.js";
import { looksLikeKey } from "./key-like.js";
import { AlreadyThere, writeFailure } from "./output-failure.js";
import { standardStream } from "./streams.js";
import { CommandError, UsageError } from "../usage.js";

export interface OutputRules {
  /** The files that the command reads, its key included: no output replaces them. `-` is standard input. */
  inputs: readonly string[];
  /** Whether an output may replace a file, and binary data may be written to a terminal. */
  force: boolean;
}

/** The kind of output that a path names. */
export type OutputTarget =
  | { kind: "file" }
  /** A pipe, or a device such as /dev/null. */
  | { kind: "stream" }
  /** A descriptor that this process has inherited. */
  | { kind: "descriptor"; descriptor: number };

const descriptorPath = /^(?:\/dev\/fd|\/proc\/self\/fd)\/(\d{1,6})$/u;
const descriptorNames = new Map([
  [standardStream, 1],
  ["/dev/stdout", 1],
  ["/dev/stderr", 2],
]);

/**
 * Finds out what kind of output a path names, and refuses outputs that would destroy data.
 *
 * A symbolic link to a file is refused even with `force`. If it were followed, anybody who can create one in a shared
 * folder could choose the file that is replaced; if it were replaced, its target would stay without the new content.
 *
 * @throws UsageError if the output is an input, or looks like a key; CommandError if it cannot be written
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

/** @returns the status of the path itself, also if it is a symbolic link; undefined if nothing exists there */
function ownStatus(file: string): Stats | undefined {
  try {
    return lstatSync(file, { throwIfNoEntry: false });
  } catch (cause) {
    throw writeFailure(file, cause);
  }
}

/** Messages do not name the folder alone: if a key in base64 was given, it is the part before the last slash. */
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
