import {
  ConfigurationError,
  RefusedError,
  UnavailableError,
  describeCause,
  type BootError,
} from "../errors.js";
import { quoteRemote } from "../net/remote-text.js";

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

/** By what its reader does about it. */
export function exitCodeOf(error: BootError): number {
  if (error instanceof ConfigurationError) return exitCodes.configuration;
  if (error instanceof RefusedError) return exitCodes.refused;
  return error instanceof UnavailableError ? exitCodes.unavailable : exitCodes.bug;
}

/** The line about an error that is nobody's but ours, or a package's. */
export function describeBug(error: unknown): string {
  return `INTERNAL: an error of confml's own: ${describeSafely(error)}. Please report it.`;
}

/** Of an error that nobody expected: its message may quote what another machine sent, its properties may throw. */
export function describeSafely(error: unknown): string {
  try {
    return quoteRemote(describeCause(error)).replace(/\.$/u, "");
  } catch {
    return "an error that cannot be described";
  }
}

/** Functions and their places, without the message. */
export function framesOf(error: unknown): string[] {
  try {
    const stack = error instanceof Error ? (error.stack ?? "") : "";
    const frames = stack.split("\n").filter((line) => /^\s+at /u.test(line));
    return frames.slice(0, loggedFrames).map((line) => line.trim());
  } catch {
    return [];
  }
}
