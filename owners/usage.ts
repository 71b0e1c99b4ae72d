/** The command's words are off. */
export class UsageError extends Error {}

/** A command that could not do its work, with what its reader can do about it. */
export class CommandError extends Error {
  /** Lower-case sentences without a full stop. */
  readonly hints: readonly string[];

  constructor(message: string, hints: readonly string[], options?: ErrorOptions) {
    super(message, options);
    this.hints = hints;
  }
}

/** Whoever read the output has gone, as `head` does: the command ends, and nobody needs to be told. */
export class BrokenPipe extends Error {}
