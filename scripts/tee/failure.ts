/** Exit codes of sysexits.h, which the server uses as well. */
export const exitCodes = { usage: 64, data: 65, input: 66, unavailable: 69, software: 70 } as const;

/** A step that failed; its hints say what the user can do about it. */
export class TeeFailure extends Error {
  readonly exitCode: number;
  readonly hints: readonly string[];

  constructor(exitCode: number, message: string, hints: readonly string[] = []) {
    super(message);
    this.exitCode = exitCode;
    this.hints = hints;
  }
}

/** Runs a command and ends the process with its exit code. An error is printed with its hints. */
export async function exitWith(command: () => Promise<number>): Promise<never> {
  try {
    process.exit(await command());
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    const failure = error instanceof TeeFailure ? error : undefined;
    for (const hint of failure?.hints ?? []) console.error(`hint: ${hint}`);
    process.exit(failure?.exitCode ?? exitCodes.software);
  }
}
