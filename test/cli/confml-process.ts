import { spawn } from "node:child_process";
import { join } from "node:path";
import { projectFolder } from "../helpers/server-process.js";

export interface CommandOptions {
  folder: string;
  /** On standard input. */
  input?: string | Uint8Array;
  /** All that the command sees; PATH where not given. */
  environment?: Record<string, string>;
}

export interface EndedCommand {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the built command line to its end, while this process goes on to serve what it asks. */
export async function runConfml(
  args: readonly string[],
  { folder, input = "", environment = {} }: CommandOptions,
): Promise<EndedCommand> {
  const main = join(projectFolder, "dist/cli/main.js");
  const child = spawn(process.execPath, [main, ...args], { cwd: folder, env: environment });
  const printed = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    printed.stderr += text;
  });
  child.stdin.end(input);
  const status = await new Promise<number | null>((resolve) => {
    child.once("close", resolve);
  });
  return { status, ...printed };
}
