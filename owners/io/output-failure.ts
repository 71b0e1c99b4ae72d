import { codeOf, reasonOf } from "./system-error.js";
import { BrokenPipe, CommandError } from "../usage.js";

/** The output exists, and the command was not told to replace it. */
export class AlreadyThere extends CommandError {
  constructor(file: string, options?: ErrorOptions) {
    super(`${file} exists, and stays as it is`, ["--force (-f) replaces it"], options);
  }
}

/** Errors of write(2): file too large (RLIMIT_FSIZE), no space left, quota exceeded. */
const noRoom = new Set(["EFBIG", "ENOSPC", "EDQUOT"]);

/** Turns the error of a system call on an output into one of the command. */
export function writeFailure(file: string, cause: unknown): Error {
  if (cause instanceof CommandError) return cause;
  const code = codeOf(cause) ?? "";
  if (code === "EPIPE") return new BrokenPipe(`nobody reads ${file} any more`, { cause });
  if (code === "EEXIST") return new AlreadyThere(file, { cause });
  const hints = noRoom.has(code)
    ? ["make room, or write to another disk; a file that was there before is as it was"]
    : [];
  return new CommandError(`cannot write ${file}: ${reasonOf(cause)}`, hints, { cause });
}
