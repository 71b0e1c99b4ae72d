import { fstatSync, statSync, type BigIntStats } from "node:fs";
import { standardStream } from "./streams.js";

/** @returns undefined if the file does not exist or its status may not be read */
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
 * Finds the input that is the same file as an output: by device and inode, so that symbolic and hard links are found too.
 *
 * @param file the status of the output
 * @param inputs paths; `-` is standard input
 * @returns the input's path; undefined if the output is none of them
 */
export function findSameFile(file: BigIntStats, inputs: readonly string[]): string | undefined {
  return inputs.find((input) => {
    const other = statusOf(input === standardStream ? 0 : input);
    return other?.isFile() === true && other.dev === file.dev && other.ino === file.ino;
  });
}
