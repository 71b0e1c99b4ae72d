import { describeCause } from "../../src/errors.js";
import { parsePolicy, type ReleasePolicy } from "./grammar.js";
import { maxTextBytes, nameOf, readInput } from "../io/input.js";

export interface PolicyFile {
  /** The text of the file. */
  json: string;
  policy: ReleasePolicy;
}

/**
 * Reads a release policy from a file.
 *
 * @param what the name of the argument in the command's help, for messages
 * @throws Error that names the file and the place that does not follow the grammar
 */
export async function readPolicyFile(file: string, what: string): Promise<PolicyFile> {
  const json = (await readInput(file, what, maxTextBytes)).toString("utf8");
  try {
    return { json, policy: parsePolicy(json) };
  } catch (cause) {
    throw new Error(`${nameOf(file)} is no release policy: ${describeCause(cause)}`, { cause });
  }
}
