import { constants } from "node:os";
import { types } from "node:util";
import { ConfigurationError, RefusedError, UnavailableError, type BootError } from "../errors.js";

/** From sysexits.h, as the readers of exit codes know them. */
export const exitCodes = {
  ok: 0,
  usage: 64,
  bug: 70,
  unavailable: 75,
  refused: 77,
  configuration: 78,
} as const;

/** Of a stack; the rest says little. */
const loggedFrames = 8;
const className = /^[A-Z][A-Za-z]{0,39}$/u;
/** Node's own codes, and the kernel's. */
const localCode = /^ERR_[A-Z][A-Z0-9_]{1,59}$/u;

/** By what its reader does about it. */
export function exitCodeOf(error: BootError): number {
  if (error instanceof ConfigurationError) return exitCodes.configuration;
  if (error instanceof RefusedError) return exitCodes.refused;
  return error instanceof UnavailableError ? exitCodes.unavailable : exitCodes.bug;
}

/** The line on standard error about an error that is not a `BootError`. */
export function describeBug(error: unknown): string {
  const [place] = framesOf(error);
  const where = place === undefined ? "" : ` ${place}`;
  return `INTERNAL: an error of confml's own: ${kindOf(error)}${where}. Please report it.`;
}

/**
 * The class of an error and its code. Its message is left out: it may quote what another machine sent, such as a secret
 * that a service repeats, and no filter knows that in every form.
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
 * @returns functions and their places, without the message, whose lines may look like some; none where the message was
 *   changed after the error was made
 */
export function framesOf(error: unknown): string[] {
  try {
    if (!types.isNativeError(error)) return [];
    const { name, message, stack = "" } = error;
    // The second is how Node begins the stacks of its own errors.
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
