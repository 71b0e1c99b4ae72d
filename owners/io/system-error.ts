import { getSystemErrorMap } from "node:util";
import { describeCause } from "../../src/errors.js";

/** @returns the code of a failed system call, such as `ENOENT`; undefined for any other error */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/**
 * Describes why a system call failed, without the path that Node's message contains: "no such file or directory (ENOENT)".
 */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  for (const [name, text] of getSystemErrorMap().values()) {
    if (name === code) return `${text} (${name})`;
  }
  return describeCause(error);
}
