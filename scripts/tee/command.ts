import { launch, shellCode, type LaunchOptions } from "../process/launch.js";
import { CommandFailure } from "../exit.js";
import { withoutSecrets } from "./secrets.js";

export interface CommandOptions {
  cwd: string;
  /** Default: this process's, without the secrets. */
  environment?: NodeJS.ProcessEnv;
}

/**
 * Runs a program that shares this process's standard streams.
 *
 * @returns its exit code, as a shell reports it
 */
export function run(
  command: string,
  words: readonly string[],
  options: CommandOptions,
): Promise<number> {
  return runToEnd(command, words, options, { stdin: "inherit" });
}

/**
 * The same for a program that must succeed.
 *
 * @throws CommandFailure with the program's exit code
 */
export async function show(...command: Parameters<typeof run>): Promise<void> {
  requireSuccess(command[0], await run(...command));
}

/**
 * Runs a program that must succeed.
 *
 * @returns its standard output
 * @throws CommandFailure with the program's exit code
 */
export async function ask(
  command: string,
  words: readonly string[],
  options: CommandOptions,
): Promise<string> {
  let printed = "";
  const onLine = (line: string): void => {
    printed += `${line}\n`;
  };
  requireSuccess(command, await runToEnd(command, words, options, { stdin: "ignore", onLine }));
  return printed;
}

function requireSuccess(command: string, code: number): void {
  if (code !== 0) throw new CommandFailure(code, `${command} ended with ${code}`);
}

/** Passes signals on to the program, so that this process can clean up after it. */
async function runToEnd(
  command: string,
  words: readonly string[],
  { cwd, environment = withoutSecrets(process.env) }: CommandOptions,
  streams: Pick<LaunchOptions, "stdin" | "onLine">,
): Promise<number> {
  const child = launch({ command: [command, ...words], cwd, environment, ...streams });
  const signals = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"] as const;
  for (const signal of signals) process.on(signal, child.kill);
  try {
    return shellCode(await child.closed);
  } finally {
    for (const signal of signals) process.off(signal, child.kill);
  }
}
