import { spawn, type ChildProcess } from "node:child_process";
import { constants } from "node:os";
import { TeeFailure } from "./failure.js";
import { withoutSecrets } from "./secrets.js";

export interface CommandOptions {
  cwd: string;
  /** Default: this process's, without the secrets. */
  environment?: NodeJS.ProcessEnv;
}

/**
 * Runs a program whose output is its user's to see.
 *
 * @returns its exit code, as a shell would tell it
 */
export async function run(
  command: string,
  options: readonly string[],
  { cwd, environment = withoutSecrets(process.env) }: CommandOptions,
): Promise<number> {
  return untilEnded(spawn(command, options, { cwd, env: environment, stdio: "inherit" }));
}

/** The same for a program that must succeed. */
export async function show(...command: Parameters<typeof run>): Promise<void> {
  requireSuccess(command[0], await run(...command));
}

/** Runs a program that must succeed, and returns what it prints on its standard output. */
export async function ask(
  command: string,
  options: readonly string[],
  { cwd, environment = withoutSecrets(process.env) }: CommandOptions,
): Promise<string> {
  const stdio = ["ignore", "pipe", "inherit"] as const;
  const child = spawn(command, options, { cwd, env: environment, stdio: [...stdio] });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  requireSuccess(command, await untilEnded(child));
  return printed;
}

function requireSuccess(command: string, code: number): void {
  if (code !== 0) throw new TeeFailure(code, `${command} ended with ${code}`);
}

/** A signal ends the child, and leaves what started it to put things away. */
async function untilEnded(child: ChildProcess): Promise<number> {
  const signals = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"] as const;
  const pass = (signal: NodeJS.Signals): void => {
    child.kill(signal);
  };
  for (const signal of signals) process.on(signal, pass);
  try {
    return await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => {
        resolve(code ?? 128 + constants.signals[signal ?? "SIGKILL"]);
      });
    });
  } finally {
    for (const signal of signals) process.off(signal, pass);
  }
}
