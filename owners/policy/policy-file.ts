import { describeCause } from "../../src/errors.js";
import { parsePolicy, type ReleasePolicy } from "./grammar.js";
import { maxTextBytes, nameOf, readInput } from "../io/input.js";

export interface PolicyFile {
  /** As it was written. */
  json: string;
  policy: ReleasePolicy;
}

/**
 * @param what the word of the command's help that the file was given for
 * @throws Error naming the file and where it leaves the grammar
 */
export async function readPolicyFile(file: string, what: string): Promise<PolicyFile> {
  const json = (await readInput(file, what, maxTextBytes)).toString("utf8");
  try {
    return { json, policy: parsePolicy(json) };
  } catch (cause) {
    throw new Error(`${nameOf(file)} is no release policy: ${describeCause(cause)}`, { cause });
  }
}
