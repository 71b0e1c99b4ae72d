import { constants } from "node:os";
import { types } from "node:util";
import { ConfigurationError, RefusedError, UnavailableError, type BootError } from "../errors.js";

/** The exit codes of sysexits.h. */
export const exitCodes = {
  ok: 0,
  usage: 64,
  bug: 70,
  unavailable: 75,
  refused: 77,
  configuration: 78,
} as const;

/** Largest number of a stack's frames in the log. */
const loggedFrames = 8;
const className = /^[A-Z][A-Za-z]{0,39}$/u;
/** Codes of Node's errors; those of the kernel are in `constants.errno`. */
const localCode = /^ERR_[A-Z][A-Z0-9_]{1,59}$/u;

/** @returns the exit code of the error's class, which says what the operator has to do */
export function exitCodeOf(error: BootError): number {
  if (error instanceof ConfigurationError) return exitCodes.configuration;
  if (error instanceof RefusedError) return exitCodes.refused;
  return error instanceof UnavailableError ? exitCodes.unavailable : exitCodes.bug;
}

/** @returns the line for standard error about an error that is not a `BootError`: a bug of confml's */
export function describeBug(error: unknown): string {
  const [place] = framesOf(error);
  const where = place === undefined ? "" : ` ${place}`;
  return `INTERNAL: an error of confml's own: ${kindOf(error)}${where}. Please report it.`;
}

/**
 * Describes an error by its class and its code, if that is Node's or the kernel's. The message is omitted: it may quote
 * another machine's answer, which may repeat a secret in a form that no filter recognises.
 */
export function kindOf(error: unknown): string {
  try {
    if (!types.isNativeError(error)) return `a thrown ${error === null ? "null" : typeof error}`;
    const name = className.test(error.name) ? error.name : "Error";
    const code = "code" in error ? error.code : undefined;
    const isLocal = typeof code === "string" && (localCode.test(code) || code in constants.errno);
    return isLocal ? `${name} ${code}` : name;
  } catch {
    // A getter that throws, or a proxy.
    return "an error that cannot be described";
  }
}

/**
 * Reads the frames of an error's stack. The message is removed first, because its lines may look like frames.
 *
 * @returns up to 8 frames, functions with their places; none if the message was changed after the error was created
 */
export function framesOf(error: unknown): string[] {
  try {
    if (!types.isNativeError(error)) return [];
    const { name, message, stack = "" } = error;
    // Node's own errors have their code in the first line of the stack.
    const code = "code" in error ? String(error.code) : "";
    const headers = [`${name}: ${message}\n`, `${name} [${code}]: ${message}\n`];
    const header = headers.find((text) => stack.startsWith(text));
    if (header === undefined) return [];
    const lines = stack.slice(header.length).split("\n");
    const frames = lines.filter((line) => /^ {4}at .*[:<(].*$/u.test(line));
    return frames.slice(0, loggedFrames).map((line) => line.trim());
  } catch {
    return [];
  }
}
