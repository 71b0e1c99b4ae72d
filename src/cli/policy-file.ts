import { describeCause } from "../errors.js";
import { parsePolicy, type ReleasePolicy } from "../policy/grammar.js";
import { readInput, standardStream } from "./streams.js";

export interface PolicyFile {
  /** As it was written. */
  json: string;
  policy: ReleasePolicy;
}

/** @throws Error naming the file and where it leaves the grammar */
export async function readPolicyFile(file: string): Promise<PolicyFile> {
  const json = (await readInput(file)).toString("utf8");
  try {
    return { json, policy: parsePolicy(json) };
  } catch (cause) {
    const where = file === standardStream ? "standard input" : file;
    throw new Error(`${where} is no release policy: ${describeCause(cause)}`, { cause });
  }
}
