/** The command line is wrong: the exit code is 64 (EX_USAGE of sysexits.h). */
export class UsageError extends Error {}

/** A command failed; `hints` say what the user can do. The exit code is 1. */
export class CommandError extends Error {
  /** Lower-case sentences without a full stop. */
  readonly hints: readonly string[];

  constructor(message: string, hints: readonly string[], options?: ErrorOptions) {
    super(message, options);
    this.hints = hints;
  }
}

/** The reader of the output has closed the pipe, as `head` does: the command ends without a message. */
export class BrokenPipe extends Error {}
