import { spawn } from "node:child_process";
import { join } from "node:path";
import { projectFolder } from "../helpers/server-process.js";

export interface CommandOptions {
  folder: string;
  /** On standard input. */
  input?: string | Uint8Array;
  /** All that the command sees; PATH where not given. */
  environment?: Record<string, string>;
  /** What comes before `node`: a shell's `umask`, `ulimit` and the like. */
  wrapper?: readonly string[];
}

export interface EndedCommand {
  status: number | null;
  /** What ended it in place of an exit. */
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs the built command line to its end, while this process goes on to serve what it asks. */
export async function runConfml(
  args: readonly string[],
  { folder, input = "", environment = {}, wrapper = [] }: CommandOptions,
): Promise<EndedCommand> {
  const main = join(projectFolder, "build/owners/main.js");
  const [command = "", ...words] = [...wrapper, process.execPath, main, ...args];
  const child = spawn(command, words, { cwd: folder, env: environment });
  const printed = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    printed.stderr += text;
  });
  // A command that ends early leaves its input unread.
  child.stdin.on("error", () => undefined).end(input);
  const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.once("close", (...ended) => {
      resolve(ended);
    });
  });
  return { status, signal, ...printed };
}

/** An environment in which the file operations of a command go wrong: see faults.mjs. */
export function withFault(
  fault: Partial<Record<"STOP_AT" | "FAULT" | "APPEAR", string>>,
): Record<string, string> {
  return { NODE_OPTIONS: `--import=${join(projectFolder, "test/owners/faults.mjs")}`, ...fault };
}

/** A shell that does something before it becomes the command that follows. */
export function afterShell(line: string): string[] {
  return ["/bin/sh", "-c", `${line}; exec "$@"`, "sh"];
}
