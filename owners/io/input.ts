import type { Stats } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { isatty } from "node:tty";
import { looksLikeKey } from "./key-like.js";
import { standardStream } from "./streams.js";
import { reasonOf } from "./system-error.js";
import { CommandError, UsageError } from "../usage.js";

/** The size limit of a policy, a token, a manifest or certificates. */
export const maxTextBytes = 1_048_576;
/** The largest value of a server's Images.MaxBytes. */
export const maxUploadBytes = 1_073_741_824;
/** The largest value of a server's Model.MaxBytes. */
export const maxModelBytes = 2_000_000_000;

const standardInputNames = new Set([standardStream, "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"]);
const firstBytes = 65_536;
const chunkBytes = 1_048_576;

/** The beginning of a file. */
export interface InputHead {
  /** At most one byte more than the limit. */
  content: Buffer;
  /** Undefined for standard input. */
  status: Stats | undefined;
}

/**
 * Reads a whole file, pipe or standard input (`-`).
 *
 * @param what the name of the argument in the command's help, for messages: "FILE", "--key"
 * @throws UsageError if the argument looks like a key instead of a path; CommandError
 */
export async function readInput(file: string, what: string, maxBytes: number): Promise<Buffer> {
  const { content, status } = await readHead(file, what, maxBytes);
  if (content.length <= maxBytes) return content;
  const size = status?.isFile() === true ? status.size : "more";
  throw new CommandError(`${nameOf(file)}: expected at most ${maxBytes} bytes; got ${size}`, []);
}

/**
 * Reads at most `maxBytes` + 1 bytes of a file, so that an endless input does not exhaust the memory.
 *
 * @throws UsageError if the argument looks like a key instead of a path; CommandError
 */
export async function readHead(file: string, what: string, maxBytes: number): Promise<InputHead> {
  try {
    if (standardInputNames.has(file)) {
      return { content: await readStandardInput(maxBytes), status: undefined };
    }
    const handle = await open(file, "r");
    try {
      const status = await handle.stat();
      refuseKind(file, status, handle.fd);
      // Room for one byte more than the file or the limit, which shows that a file is longer.
      const expected = status.isFile() ? Math.min(status.size, maxBytes) + 1 : firstBytes;
      return { content: await readUpTo(handle, maxBytes, expected), status };
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw readFailure(file, what, cause);
  }
}

/**
 * Checks that a path that a library will read exists and is no folder and no device.
 *
 * @throws UsageError, CommandError
 */
export async function checkInput(file: string, what: string): Promise<void> {
  try {
    refuseKind(file, await stat(file), undefined);
  } catch (cause) {
    throw readFailure(file, what, cause);
  }
}

/**
 * Reads a file in chunks of at most 1 MiB. A chunk is overwritten by the next one.
 *
 * @throws UsageError for what seems to be a key in the place of a file; CommandError, also for more than `maxBytes`
 */
export async function* readChunks(
  file: string,
  what: string,
  maxBytes: number,
): AsyncGenerator<Buffer> {
  try {
    const handle = await open(file, "r");
    try {
      refuseKind(file, await handle.stat(), handle.fd);
      const chunk = Buffer.allocUnsafe(chunkBytes);
      for (let length = 0; ;) {
        const { bytesRead } = await handle.read(chunk, 0, chunk.length, null);
        if (bytesRead === 0) return;
        length += bytesRead;
        if (length > maxBytes) {
          throw new CommandError(
            `${nameOf(file)}: expected at most ${maxBytes} bytes; got more`,
            [],
          );
        }
        yield chunk.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw readFailure(file, what, cause);
  }
}

async function readStandardInput(maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes + 1);
}

async function readUpTo(handle: FileHandle, maxBytes: number, expected: number): Promise<Buffer> {
  let content = Buffer.alloc(Math.min(expected, maxBytes + 1));
  let length = 0;
  for (;;) {
    if (length === content.length) {
      if (length > maxBytes) return content;
      content = Buffer.concat([content], Math.min(maxBytes + 1, 2 * length));
    }
    const { bytesRead } = await handle.read(content, length, content.length - length, null);
    if (bytesRead === 0) return content.subarray(0, length);
    length += bytesRead;
  }
}

/** @throws CommandError for folders and devices other than terminals */
function refuseKind(file: string, status: Stats, descriptor: number | undefined): void {
  const isTerminal = descriptor !== undefined && isatty(descriptor);
  if (status.isDirectory()) {
    throw new CommandError(`${file} is a folder`, ["give a file in it"]);
  }
  if (status.isBlockDevice() || (status.isCharacterDevice() && !isTerminal)) {
    throw new CommandError(`${file} is a device`, ["give a file, a pipe, or - where FILE may be"]);
  }
}

/** Turns the error of a system call on an input into one of the command. */
export function readFailure(file: string, what: string, cause: unknown): Error {
  if (cause instanceof CommandError) return cause;
  if (looksLikeKey(file)) {
    return new UsageError(
      `${what} wants the name of a file, not the key itself, which others may now have seen: it is in the list of ` +
        "processes and the shell's history. Take another (confml keygen)",
      { cause },
    );
  }
  return new CommandError(`cannot read ${nameOf(file)}: ${reasonOf(cause)}`, [], { cause });
}

/** The name of an input in messages. */
export function nameOf(file: string): string {
  return file === standardStream ? "standard input" : file;
}
