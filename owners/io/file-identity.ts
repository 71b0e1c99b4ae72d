import { fstatSync, statSync, type BigIntStats } from "node:fs";
import { standardStream } from "./streams.js";

/** @returns undefined for what is not there, or may not be looked at */
export function statusOf(file: string | number): BigIntStats | undefined {
  try {
    return typeof file === "number"
      ? fstatSync(file, { bigint: true })
      : statSync(file, { bigint: true });
  } catch {
    return undefined;
  }
}

/**
 * Which of several inputs a file is, by device and inode: under whatever name, through symbolic and hard links.
 *
 * @param file the status of an output
 * @param inputs paths; `-` is standard input
 */
export function findSameFile(file: BigIntStats, inputs: readonly string[]): string | undefined {
  return inputs.find((input) => {
    const other = statusOf(input === standardStream ? 0 : input);
    return other?.isFile() === true && other.dev === file.dev && other.ino === file.ino;
  });
}
